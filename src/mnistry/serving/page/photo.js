/** Photos and whole drawings: the server finds the digits, the page shows where they are. */

import { json, ServerError } from "./api.js";
import { $, announce, h } from "./dom.js";
import { FIELD, NIB } from "./pen.js";
import { count, percent, said, t } from "./words.js";

const MOST = 64 * 2 ** 20; // bytes that the server takes

let turn = 0; // goes on with each reading that begins, and whenever what is shown is closed
let address = null; // of the photo that is shown
let again = null; // says what stands below the field once more, in the language of now
let picked = null; // the digit that is marked
let failed = false; // whether what stands below the field says why something could not be done
const buttons = new WeakMap(); // of each button, the digit that it shows

document.addEventListener("words", () => {
  const close = $("photo-close");
  if (close) close.textContent = t("photo.close");
  $("photo").querySelector("img")?.setAttribute("alt", t("photo.alt"));
  for (const box of $("photo").querySelectorAll(".box")) name(box, buttons.get(box));
  if (!$("reading").hidden) again?.();
});

/**
 * Do something that waits; say why, if it could not be done.
 *
 * @param {(stale: () => boolean) => Promise<void>} work is stale, and has nothing more to show or
 *   to say, once something else has begun or was closed
 */
export async function attempt(work) {
  const mine = ++turn;
  const stale = () => mine !== turn;
  try {
    await work(stale);
  } catch (error) {
    if (!stale()) sayError(error);
  }
}

/**
 * Read a picture file and show it with its digits.
 *
 * @param {Blob} file
 * @param {number} alpha in (0, 1)
 * @param {(digit: object) => void} onpick is given one of the reading's digits
 */
export function readPhoto(file, alpha, onpick) {
  closePhoto();
  address = URL.createObjectURL(file);
  const image = h("img", { src: address, alt: t("photo.alt") });
  // A kind of picture that the browser can't show can still be read.
  image.addEventListener("error", () => image.remove());
  const layer = h("div", { class: "layer" });
  const close = h("button", { type: "button", id: "photo-close", text: t("photo.close") });
  close.addEventListener("click", () => document.dispatchEvent(new Event("photo-close")));
  $("photo").replaceChildren(h("div", { class: "print" }, image, layer), close);
  $("photo").hidden = false;
  sayAlways(() => [t("photo.reading")]);
  return attempt(async (stale) => {
    if (file.size > MOST) throw tooLarge(); // the server would say so after all of it was sent
    const { readings } = await json(pathAt(alpha), undefined, {
      method: "POST",
      // What the system takes for no picture, the server may know, or say that it is none.
      headers: { "Content-Type": file.type.startsWith("image/") ? file.type : "application/octet-stream" },
      body: file,
    });
    if (stale()) return;
    try {
      await image.decode();
    } catch {
      // It is not shown.
    }
    if (stale()) return;
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    // A file may have several pages; the first is the one that is shown.
    if (width) layer.replaceChildren(...boxes(readings[0], width, height, onpick));
    showText(readings, onpick);
    const [first] = readings[0]?.digits ?? [];
    if (first) pick(first, onpick);
  });
}

/** Read a drawing of several digits. @param {number[][][]} strokes as of `Pen` */
export function readDrawing(strokes, alpha, onpick) {
  return attempt(async (stale) => {
    const { readings } = await json(pathAt(alpha), { strokes, width: FIELD, height: FIELD, pen: NIB });
    if (stale()) return;
    showText(readings, onpick);
    $("reading").querySelector(".text button")?.focus();
  });
}

/** Take photo and text off the page. */
export function closePhoto() {
  turn++;
  if (address) URL.revokeObjectURL(address);
  address = null;
  $("photo").hidden = true;
  $("photo").replaceChildren();
  $("reading").hidden = true;
  $("reading").replaceChildren();
}

/** Say why something could not be done. @param {Error} error */
export function sayError(error) {
  sayAlways(() => [error.message]);
  failed = true;
}

/** Take back what `sayError` said: it can be done by now. */
export function unsay() {
  if (failed) $("reading").hidden = true;
  failed = false;
}

/** Say what `make` gives, in whatever language the page is in. @param {() => any[]} make */
export function sayAlways(make) {
  again = () => $("reading").replaceChildren(h("p", {}, ...make()));
  again();
  failed = false;
  $("reading").hidden = false;
  announce($("reading").textContent, 0);
}

const tooLarge = () =>
  new ServerError(`A request may have at most ${count(MOST)} bytes; send less at once.`, 413);

const pathAt = (alpha) => `/read?images=true&alpha=${alpha}`;

function boxes(reading, width, height, onpick) {
  return (reading.digits ?? []).map((digit) => {
    const [x, y, w, h_] = digit.box;
    const box = h("button", {
      type: "button",
      class: `box ${digit.outcome === "digit" ? "" : "unsure"}`,
      "aria-pressed": "false",
      onclick: () => pick(digit, onpick),
    });
    box.style.left = `${(100 * x) / width}%`;
    box.style.top = `${(100 * y) / height}%`;
    box.style.width = `${(100 * w) / width}%`;
    box.style.height = `${(100 * h_) / height}%`;
    buttons.set(box, digit);
    name(box, digit);
    return box;
  });
}

function name(box, digit) {
  box.title = label(digit);
  box.setAttribute("aria-label", box.title);
}

function showText(readings, onpick) {
  picked = null;
  failed = false;
  again = () => putText(readings, onpick);
  again();
  $("reading").hidden = false;
  const text = readings.map((reading) => reading.text).filter(Boolean).join(", ");
  announce(text ? t("photo.text", { text }) : t("photo.none"), 0);
}

function putText(readings, onpick) {
  const lines = readings.map((reading, i) => {
    if (reading.error) return h("p", { text: said(reading.error) });
    if (!reading.digits?.length) return h("p", { text: t("photo.none") });
    return h(
      "div",
      {},
      h(
        "p",
        { class: "text", id: i ? null : "text", role: "group", "aria-label": t("photo.text", { text: reading.text }) },
        ...reading.digits.map((digit) => {
          const button = h("button", {
            type: "button",
            class: digit.outcome === "digit" ? "" : "unsure",
            text: digit.digit ?? "?",
            "aria-label": label(digit),
            "aria-pressed": String(digit === picked),
            onclick: () => pick(digit, onpick),
          });
          buttons.set(button, digit);
          return button;
        }),
      ),
      h("p", {
        class: "note",
        text: `${t("photo.sure", { percent: percent(reading.probability) })} ${t("photo.pick")}`,
      }),
    );
  });
  $("reading").replaceChildren(...lines);
}

/** Show one digit, and mark it where it is in the photo and in the text. */
function pick(digit, onpick) {
  picked = digit;
  for (const button of document.querySelectorAll(".box, .text button")) {
    button.setAttribute("aria-pressed", String(buttons.get(button) === digit));
  }
  onpick(digit);
}

const label = ({ digit, probabilities }) =>
  t("bar", { digit: digit ?? "?", percent: percent(Math.max(...probabilities)) });
