/** Weights times pixels, added up row by row: the evidence for one class, made before one's eyes. */

import { once } from "./api.js";
import { calm, h, roving } from "./dom.js";
import { paintImage, paintMap, reachOf } from "./heat.js";
import { nextButton } from "./pixels.js";
import * as specimen from "./specimen.js";
import { signed, t } from "./words.js";

const SIDE = 28;
const PACE = 90; // milliseconds a row

/**
 * The evidence of softmax regression.
 *
 * @param {{weights: number[][], biases: number[]}} model [10][784] and [10]
 * @param {Uint8Array} image 784
 * @returns {number[]} 10
 */
export function evidenceOf({ weights, biases }, image) {
  return weights.map((row, k) => row.reduce((sum, w, i) => sum + (w * image[i]) / 255, biases[k]));
}

/** Picture × weights = product, and its sum with the bias. */
export function sumFigure() {
  const canvas = (key) =>
    h("canvas", { width: SIDE, height: SIDE, class: "medium", role: "img", "data-t-label": key });
  const [picture, map, product] = ["sums.picture", "sums.weights", "sums.product"].map(canvas);
  const titled = (element, key) => h("figure", {}, element, h("figcaption", { "data-t": key }));
  const rowBars = h("div", { class: "row-bars", "aria-hidden": "true" });
  rowBars.append(...Array.from({ length: SIDE }, () => h("i", {})));
  const slider = h("input", {
    type: "range", min: 0, max: SIDE, value: SIDE, id: "sums-rows", "data-t-label": "sums.rows",
  });
  const play = h("button", { type: "button", id: "sums-play", "data-t": "sums.play" });
  const total = h("p", { class: "total number", id: "sums-total" });
  const classes = Array.from({ length: 10 }, (_, digit) =>
    h(
      "button",
      {
        type: "button", role: "radio", class: "evidence-row", "data-digit": digit, "aria-checked": "false",
        onclick: () => choose(digit),
      },
      h("span", { class: "digit", text: digit }),
      h("span", { class: "axis" }, h("i", {})),
      h("span", { class: "number" }),
    ),
  );
  const list = h(
    "div",
    { class: "evidence-rows", role: "radiogroup", id: "sums-classes", "data-t-label": "sums.classes" },
    ...classes,
  );
  roving(list, () => classes);
  let model = null;
  let digit = null; // the class; the label's own at first
  let playing = 0;

  const show = () => {
    const now = specimen.specimen;
    if (!model || !now) return;
    const k = digit ?? now.label;
    const rows = Number(slider.value);
    const { weights, biases } = model;
    const products = weights[k].map((w, i) => (w * now.image[i]) / 255);
    const seen = products.map((value, i) => (i < SIDE * rows ? value : 0));
    paintImage(picture.getContext("2d"), now.image);
    paintMap(map.getContext("2d"), weights[k], reachOf(weights.flat(), 0.99));
    paintMap(product.getContext("2d"), seen, reachOf(products), now.image);
    let sum = 0;
    const sums = Array.from({ length: SIDE }, (_, y) =>
      products.slice(SIDE * y, SIDE * (y + 1)).reduce((a, b) => a + b, 0),
    );
    const widest = Math.max(...sums.map(Math.abs), 0.1);
    [...rowBars.children].forEach((bar, y) => {
      const value = y < rows ? sums[y] : 0;
      sum += value;
      bar.className = value < 0 ? "against" : "for";
      bar.style.transform = `scaleX(${Math.abs(value) / widest / 2})`;
    });
    total.replaceChildren(
      ...(rows < SIDE
        ? [t("sums.so-far", { rows, sum: signed(sum) })]
        : [
            t("sums.total", { digit: k, sum: signed(sum), bias: signed(biases[k]) }),
            h("b", { text: signed(sum + biases[k]) }),
          ]),
    );
    slider.setAttribute("aria-valuetext", total.textContent);
    showClasses(evidenceOf(model, now.image), k);
  };

  const showClasses = (evidence, k) => {
    const widest = Math.max(...evidence.map(Math.abs), 1);
    const best = evidence.indexOf(Math.max(...evidence));
    classes.forEach((row, i) => {
      row.setAttribute("aria-checked", String(i === k));
      row.setAttribute("tabindex", i === k ? 0 : -1);
      row.classList.toggle("best", i === best);
      const bar = row.querySelector("i");
      bar.className = evidence[i] < 0 ? "against" : "for";
      bar.style.transform = `scaleX(${Math.abs(evidence[i]) / widest / 2})`;
      row.querySelector(".number").textContent = signed(evidence[i]);
    });
  };

  const choose = (to) => {
    digit = to;
    run();
  };
  const stop = () => {
    clearInterval(playing);
    playing = 0;
  };
  const run = () => {
    stop();
    if (calm()) {
      slider.value = SIDE;
      show();
      return;
    }
    slider.value = 0;
    show();
    playing = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) >= SIDE) stop();
    }, PACE);
  };

  play.addEventListener("click", run);
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  specimen.onSpecimen(async () => {
    stop();
    digit = null;
    slider.value = SIDE;
    try {
      model = await once("/tutorial/weights");
    } catch (error) {
      total.textContent = error.message;
      return;
    }
    show();
  });
  document.addEventListener("shade", show);
  document.addEventListener("words", show);
  return h(
    "figure",
    { class: "live sums" },
    h(
      "div",
      { class: "product" },
      titled(picture, "sums.picture"),
      h("span", { class: "sign", text: "×" }),
      titled(map, "sums.weights"),
      h("span", { class: "sign", text: "=" }),
      h("figure", { class: "with-rows" }, product, rowBars, h("figcaption", { "data-t": "sums.product" })),
    ),
    h("div", { class: "playing" }, play, slider, nextButton()),
    total,
    list,
  );
}
