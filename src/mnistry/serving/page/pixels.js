/** Figures of one picture: the number of each of its pixels, and its label as ten numbers. */

import { h } from "./dom.js";
import { paintFlat, paintImage } from "./heat.js";
import * as specimen from "./specimen.js";
import { number, t } from "./words.js";

const SIDE = 28;
const LOUPE = 2; // pixels to each side of the one that is looked at

/** A picture magnified, of which each pixel shows its number, row, column and index. */
export function pixelFigure() {
  const canvas = h("canvas", {
    id: "pixels", width: SIDE, height: SIDE, class: "big", tabindex: 0, role: "application",
    "data-t-label": "pixels.label",
  });
  const mark = h("span", { class: "mark", "aria-hidden": "true" });
  const loupe = h("table", { class: "loupe", "aria-hidden": "true" });
  const readout = h("p", { class: "readout number", id: "pixel", "aria-live": "polite" });
  const strip = h("canvas", { width: SIDE * SIDE, height: 1, class: "strip", "aria-hidden": "true" });
  const needle = h("span", { class: "needle", "aria-hidden": "true" });
  let image = new Uint8Array(SIDE * SIDE);
  let row = 8;
  let column = 14;

  const show = () => {
    const index = SIDE * row + column;
    const value = image[index];
    mark.style.left = `${(100 * column) / SIDE}%`;
    mark.style.top = `${(100 * row) / SIDE}%`;
    needle.style.left = `${(100 * (index + 0.5)) / (SIDE * SIDE)}%`;
    readout.textContent = t("pixel", {
      row, column, index, value, share: number(value / 255, 3),
    });
    loupe.replaceChildren(h("tbody", {}, ...around(image, row, column)));
  };
  const paint = () => {
    paintImage(canvas.getContext("2d"), image);
    paintFlat(strip.getContext("2d"), image);
    show();
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const at = (start, size, where) => clip(Math.floor(((where - start) / size) * SIDE));
    row = at(box.top, box.height, event.clientY);
    column = at(box.left, box.width, event.clientX);
    show();
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("keydown", (event) => {
    const by = {
      ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    }[event.key];
    if (!by) return;
    event.preventDefault();
    [row, column] = [clip(row + by[0]), clip(column + by[1])];
    show();
  });
  specimen.onSpecimen((now) => {
    image = now.image;
    const strongest = image.indexOf(Math.max(...image)); // something to see at once
    [row, column] = [Math.floor(strongest / SIDE), strongest % SIDE];
    paint();
  });
  document.addEventListener("shade", paint);
  document.addEventListener("words", show);
  return h(
    "figure",
    { class: "live pixels" },
    h("div", { class: "stage" }, canvas, mark),
    h("div", { class: "beside" }, loupe, readout, nextButton()),
    h(
      "div",
      { class: "flat" },
      h("div", { class: "stage" }, strip, needle),
      h("p", { class: "note", "data-t": "pixels.strip" }),
    ),
  );
}

/** The label as ten numbers, a 1 in the column of the digit; pressing a digit shows such a one. */
export function hotFigure() {
  const canvas = h("canvas", { width: SIDE, height: SIDE, class: "small", "data-t-label": "seen.label", role: "img" });
  const cells = Array.from({ length: 10 }, (_, digit) =>
    h(
      "button",
      { type: "button", class: "cell", onclick: () => specimen.another(digit).catch(() => {}) },
      h("span", { class: "head", text: digit }),
      h("b", {}),
    ),
  );
  const show = () => {
    if (!specimen.specimen) return;
    const { image, label } = specimen.specimen;
    paintImage(canvas.getContext("2d"), image);
    cells.forEach((cell, digit) => {
      cell.classList.toggle("hot", digit === label);
      cell.querySelector("b").textContent = Number(digit === label);
      cell.setAttribute("aria-label", t("hot.cell", { digit, value: Number(digit === label) }));
    });
  };
  specimen.onSpecimen(show);
  document.addEventListener("shade", show);
  document.addEventListener("words", show);
  return h(
    "figure",
    { class: "live hot-figure" },
    canvas,
    h("div", { class: "cells", id: "one-hot", role: "group", "data-t-label": "hot.label" }, ...cells),
  );
}

/** A button that takes another picture. */
export function nextButton() {
  return h("button", {
    type: "button", class: "next", "data-t": "another", onclick: () => specimen.another().catch(() => {}),
  });
}

function around(image, row, column) {
  const rows = [];
  for (let y = row - LOUPE; y <= row + LOUPE; y++) {
    const cells = [];
    for (let x = column - LOUPE; x <= column + LOUPE; x++) {
      const inside = y >= 0 && y < SIDE && x >= 0 && x < SIDE;
      cells.push(
        h("td", { class: y === row && x === column ? "here" : "", text: inside ? image[SIDE * y + x] : "" }),
      );
    }
    rows.push(h("tr", {}, ...cells));
  }
  return rows;
}

function clip(value) {
  return Math.min(Math.max(value, 0), SIDE - 1);
}
