/** Image files: the server reads them, and the page shows the digits with their boxes. */

import { json, ServerError } from "./api.js";
import { labelOf } from "./answer.js";
import { $, announce, h } from "./dom.js";
import { knownQuery } from "./known.js";
import { FIELD } from "./pen.js";
import { count, t } from "./words.js";

const MOST = 64 * 2 ** 20; // bytes that the server takes

let turn = 0; // goes on with each reading that begins, and whenever what is shown is closed
let addresses = []; // object URLs of the open files
let displayed = null; // what the field shows: {file, page, image}, the image as a promise
let rerender = null; // renders the text below the field again, in the present language
let failed = false; // whether what stands below the field says why something could not be done
const buttons = new WeakMap(); // box -> its digit

document.addEventListener("words", () => {
  const close = $("photo-close");
  if (close) close.textContent = t("photo.close");
  $("photo").querySelector("img")?.setAttribute("alt", t("photo.alt"));
  for (const box of document.querySelectorAll(".box")) name(box);
  if (!$("reading").hidden) rerender?.();
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
 * Read image files one after the other, and show the first with its digits.
 *
 * @param {File[]} files
 * @param {number} alpha in (0, 1)
 * @param {(reading: object) => void} onreading called with the reading that is shown
 * @param {(digit: object) => void} onpick called with the digit whose box is tapped
 */
export function readPhotos(files, alpha, onreading, onpick) {
  closePhoto();
  const results = []; // for each file or page: {file, page, reading} or {file, error}
  let shown = null;
  const open = async (result) => {
    shown = result;
    const image = await showFile(result.file, result.page, onpick);
    if (shown !== result) return;
    if (result.reading) putBoxes(image, result.reading, onpick);
    onreading(result.reading);
    list();
  };
  const list = () => {
    const waiting = results.length === 0 || results.at(-1).file !== files.at(-1);
    sayAlways(() => lines(results, shown, waiting, files.length > 1, open));
  };
  return attempt(async (stale) => {
    showFile(files[0], 0);
    sayAlways(() => [h("p", { text: t("photo.reading") })]);
    for (const file of files) {
      let found;
      try {
        found = (await readFile(file, alpha)).map((reading, page) => ({ file, page, reading }));
      } catch (error) {
        if (files.length === 1) throw error;
        found = [{ file, page: 0, error }];
      }
      if (stale()) return;
      // A page that can't be read is an error, and does not affect the file's other pages.
      for (const one of found) {
        if (one.reading?.error) Object.assign(one, { error: new ServerError(one.reading.error, 422), reading: null });
      }
      results.push(...found);
      if (shown?.reading) list();
      else await open(found.find(({ reading }) => reading) ?? found[0]);
      if (stale()) return;
    }
  });
}

/** Read one file. @returns {Promise<object[]>} a reading for each page */
async function readFile(file, alpha) {
  if (file.size > MOST) throw tooLarge(); // the server would refuse it only after the whole upload
  const form = new FormData();
  form.append("image", file, file.name || "image.png"); // the server's messages use this name
  return (await json(pathAt(alpha), undefined, { method: "POST", body: form })).readings;
}

/** Read a drawing. @param {Blob} blob PNG @returns {Promise<object>} its reading */
export async function readDrawing(blob, alpha) {
  const { readings } = await json(pathAt(alpha), undefined, {
    method: "POST", headers: { "Content-Type": "image/png" }, body: blob,
  });
  return readings[0];
}

/** Show boxes over the drawing. @param {object | null} reading null for none */
export function markDrawing(reading, onpick) {
  $("marks").replaceChildren(...(reading ? boxes(reading, FIELD, FIELD, onpick) : []));
}

/** Mark the box of the digit whose bars are shown. */
export function markPicked(digit) {
  for (const box of document.querySelectorAll(".box")) {
    box.setAttribute("aria-pressed", String(buttons.get(box) === digit));
  }
}

/** Remove the image, its boxes and the text below the field. */
export function closePhoto() {
  turn++;
  for (const address of addresses) URL.revokeObjectURL(address);
  addresses = [];
  displayed = null;
  $("photo").hidden = true;
  $("photo").replaceChildren();
  $("reading").hidden = true;
  $("reading").replaceChildren();
}

/** Say why something could not be done. @param {Error} error */
export function sayError(error) {
  sayAlways(() => [h("p", { text: error.message })]);
  failed = true;
}

/** Take back what `sayError` said: it can be done by now. */
export function unsay() {
  if (failed) $("reading").hidden = true;
  failed = false;
}

/** Show the nodes that `make` returns, and again when the language changes. @param {() => Node[]} make */
function sayAlways(make) {
  rerender = () => $("reading").replaceChildren(...make());
  rerender();
  failed = false;
  $("reading").hidden = $("reading").childElementCount === 0;
  announce($("reading").textContent, 0);
}

const tooLarge = () =>
  new ServerError(`A request may have at most ${count(MOST)} bytes; send less at once.`, 413);

const pathAt = (alpha) => `/read?images=true&alpha=${alpha}${knownQuery()}`;

/** Put a file's image onto the field, as large as it fits, without boxes yet. */
function showFile(file, page) {
  if (displayed?.file !== file || displayed.page !== page) displayed = { file, page, image: put(file, page) };
  return displayed.image;
}

async function put(file, page) {
  const address = URL.createObjectURL(file);
  addresses.push(address);
  const image = h("img", { src: address, alt: t("photo.alt") });
  const layer = h("div", { class: "layer" });
  const print = h("div", { class: "print" }, image, layer);
  const close = h("button", { type: "button", id: "photo-close", text: t("photo.close") });
  close.addEventListener("click", () => document.dispatchEvent(new Event("photo-close")));
  $("photo").replaceChildren(print, close);
  $("photo").hidden = false;
  try {
    await image.decode();
  } catch {
    // An image of a kind that the browser can't show can still be read.
  }
  const { naturalWidth: width, naturalHeight: height } = image;
  if (!width || page > 0) {
    image.remove(); // browsers show only the first page of a file
    return null;
  }
  const scale = Math.min(1, width / height);
  print.style.width = `${100 * scale}%`;
  print.style.aspectRatio = `${width} / ${height}`;
  const enlarged = print.clientWidth / width;
  image.classList.toggle("enlarged", enlarged > 2);
  return { layer, width, height };
}

function putBoxes(image, reading, onpick) {
  if (image) image.layer.replaceChildren(...boxes(reading, image.width, image.height, onpick));
}

function boxes(reading, width, height, onpick) {
  return (reading.digits ?? []).map((digit) => {
    const [x, y, w, h_] = digit.box;
    const box = h("button", {
      type: "button",
      class: `box ${digit.outcome === "digit" ? "" : "unsure"}`,
      "aria-pressed": "false",
      onclick: () => onpick(digit),
    });
    box.style.left = `${(100 * x) / width}%`;
    box.style.top = `${(100 * y) / height}%`;
    box.style.width = `${(100 * w) / width}%`;
    box.style.height = `${(100 * h_) / height}%`;
    buttons.set(box, digit);
    name(box);
    return box;
  });
}

function name(box) {
  box.title = labelOf(buttons.get(box));
  box.setAttribute("aria-label", box.title);
}

/** Return what is below the field: the error of a single file, or a list of several files. */
function lines(results, shown, waiting, several, open) {
  const made = [];
  const pages = (file) => results.filter((other) => other.file === file).length;
  if (several || results.length > 1) {
    made.push(h("ul", { class: "files", id: "files", "aria-label": t("photo.files") }, ...results.map((result) => {
      const page = pages(result.file) > 1 ? ` (${t("photo.page", { page: result.page + 1 })})` : "";
      const text = result.error ? result.error.message : textOf(result.reading);
      return h("li", {}, h(
        "button",
        {
          type: "button", "aria-pressed": String(result === shown), class: result.error ? "unread" : "",
          onclick: () => open(result),
        },
        ...(result.error ? [] : [h("span", { class: "file", text: result.file.name + page })]),
        h("span", { class: "found", text }),
      ));
    })));
  } else if (shown?.error) made.push(h("p", { text: shown.error.message }));
  else if (shown && !shown.reading.digits?.length) made.push(h("p", { text: t("photo.none") }));
  if (waiting) made.push(h("p", { text: t("photo.reading") }));
  return made;
}

const textOf = ({ text }) => (text ? text.replaceAll("\n", " / ") : t("photo.none"));
