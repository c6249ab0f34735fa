/** Softmax by hand: ten sliders of evidence, their exponentials, and the probabilities. */

import { once } from "./api.js";
import { h } from "./dom.js";
import * as specimen from "./specimen.js";
import { evidenceOf } from "./sums.js";
import { amount, percent, signed, t } from "./words.js";

const MOST = 20; // evidence that a slider reaches, to both sides
const FIRST = [0, -1, 0, 2, 0, 1, 0, -2, 0, -1]; // a 3, or perhaps a 5

/** @param {number[]} evidence @returns {number[]} probabilities, of the same length, sum 1 */
export function softmax(evidence) {
  const most = Math.max(...evidence); // only differences count, and so exp never overflows
  const powers = evidence.map((value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

/** The figure with its sliders. */
export function softmaxFigure() {
  let evidence = [...FIRST];
  const rows = evidence.map((_, digit) => {
    const slider = h("input", {
      type: "range", min: -MOST, max: MOST, step: 0.1, id: `evidence-${digit}`, "data-digit": digit,
    });
    slider.addEventListener("input", () => {
      evidence[digit] = Number(slider.value);
      show();
    });
    return {
      slider,
      value: h("span", { class: "number" }),
      power: h("span", { class: "number power" }),
      fill: h("span", { class: "fill" }),
      share: h("span", { class: "number", id: `probability-${digit}` }),
    };
  });
  const total = h("p", { class: "number note", id: "softmax-total" });
  const up = h("button", { type: "button", id: "shift-up", "data-t": "softmax.up" });
  const down = h("button", { type: "button", id: "shift-down", "data-t": "softmax.down" });
  const real = h("button", { type: "button", id: "softmax-real", "data-t": "softmax.real" });
  const said = h("p", { class: "note", role: "status" });

  const show = () => {
    const shares = softmax(evidence);
    rows.forEach((row, i) => {
      row.slider.value = evidence[i];
      row.slider.setAttribute("aria-label", t("softmax.slider", { digit: i }));
      row.slider.setAttribute(
        "aria-valuetext",
        t("softmax.value", { value: signed(evidence[i], 1), percent: percent(shares[i]) }),
      );
      row.value.textContent = signed(evidence[i], 1);
      row.power.textContent = amount(Math.exp(evidence[i]));
      row.fill.style.transform = `scaleX(${shares[i]})`;
      row.share.textContent = percent(shares[i]);
    });
    total.textContent = t("softmax.total", {
      total: amount(evidence.reduce((sum, value) => sum + Math.exp(value), 0)),
    });
    up.disabled = Math.max(...evidence) + 1 > MOST;
    down.disabled = Math.min(...evidence) - 1 < -MOST;
  };
  const shift = (by) => {
    evidence = evidence.map((value) => Math.round(10 * (value + by)) / 10);
    show();
    said.textContent = t("softmax.shifted");
  };
  up.addEventListener("click", () => shift(1));
  down.addEventListener("click", () => shift(-1));
  real.addEventListener("click", async () => {
    if (!specimen.specimen) return;
    try {
      const found = evidenceOf(await once("/tutorial/weights"), specimen.specimen.image);
      evidence = found.map((value) => Math.round(10 * Math.min(Math.max(value, -MOST), MOST)) / 10);
      said.textContent = "";
      show();
    } catch (error) {
      said.textContent = error.message;
    }
  });
  document.addEventListener("words", show);
  show();
  const heads = ["", "softmax.evidence", "softmax.exp", "softmax.share"];
  return h(
    "figure",
    { class: "live softmax", id: "softmax" },
    h(
      "div",
      { class: "softmax-rows" },
      ...heads.map((key, i) => h("span", key ? { class: `head head-${i}`, "data-t": key } : {})),
      ...rows.flatMap((row, i) => [
        h("span", { class: "digit", text: i }),
        h("span", { class: "drag" }, row.slider, row.value),
        row.power,
        h("span", { class: "probability" }, h("span", { class: "track" }, row.fill), row.share),
      ]),
    ),
    total,
    h("div", { class: "playing" }, up, down, real),
    said,
  );
}
