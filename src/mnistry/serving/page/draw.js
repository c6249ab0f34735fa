/** The view on which people draw: it leads the pen's ink to frame, answer and evidence. */

import { infer, latest, modelsAnew, newest, once, pictures } from "./api.js";
import { Bars, inWords, judged, rowsOf, sayNumber, sayOthers, sayOutcome } from "./answer.js";
import { $, announce, h } from "./dom.js";
import * as evidence from "./evidence.js";
import { frame } from "./frame.js";
import { paintImage } from "./heat.js";
import { onKnown } from "./known.js";
import { FIELD, Pen } from "./pen.js";
import {
  attempt, closePhoto, markDrawing, markPicked, readDrawing, readPhotos, sayError, unsay,
} from "./photo.js";
import { count, modelName, t } from "./words.js";

const REST = 150; // milliseconds that the pen rests before the evidence is asked for
const READ_REST = 350; // milliseconds at rest before the drawing is read as a number
// Least probability at which a drawing is shown as a number: the reader finds some digits in a
// scribble, too, with a low probability.
const LIKELY = 0.2;
const ALPHAS = [0.1, 0.05, 0.01, 0.001];
const DIGITS = "0,1,2,3,4,5,6,7,8,9"; // the classes that corrections are of
const TEST = 10000; // pictures of MNIST's test split

let pen;
let bars;
let models = [];
let model = null;
let alpha = 0.01;
let image = null; // Uint8Array(784) that the model sees, null for a blank field
let framed = null; // `image`, where it is the drawing as a whole
let answer = null; // the newest, and the `image` that it is to
let others = new Map(); // by the model's name: its answer to `image`
let asking = null; // classes to compare once `image` is answered: {image, classes, label}
let chosen = []; // the image files that were opened last
let number = null; // the reading of several digits that is the headline
let picked = null; // the digit of `number` that `image` shows
let newestStroke = null; // the last stroke that `number` was read with
let version = 0; // counts the changes of the drawing
let resting = 0;
let reading = 0;
let drawn = 0;

/** Start the view. */
export function startDraw() {
  pen = new Pen($("canvas"));
  bars = new Bars();
  bars.build([..."0123456789"]);
  for (const kind of ["begin", "undo"]) {
    pen.addEventListener(kind, () => {
      if (!$("photo").hidden) sayOne();
      closePhoto();
    });
  }
  pen.addEventListener("change", () => {
    version++;
    cancelAnimationFrame(drawn);
    drawn = requestAnimationFrame(look);
  });
  pen.ontap = (point) => {
    const digit = number && touched(number, point);
    if (digit) pick(digit);
    return Boolean(digit);
  };
  bars.addEventListener("ask", () => asked());
  $("undo").addEventListener("click", () => pen.undo());
  $("clear").addEventListener("click", clear);
  $("eraser").addEventListener("click", () => {
    pen.erasing = !pen.erasing;
    $("eraser").setAttribute("aria-pressed", String(pen.erasing));
    $("canvas").classList.toggle("erasing", pen.erasing);
  });
  $("sample").addEventListener("click", sample);
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    photos([...$("file").files]);
    $("file").value = "";
  });
  $("model").addEventListener("change", () => choose($("model").value));
  $("alpha").addEventListener("change", () => {
    alpha = Number($("alpha").value);
    showAnswer();
    if (pen.strokes.length) readSoon();
  });
  onKnown(() => {
    if (!$("photo").hidden) photos(chosen);
    else if (pen.strokes.length) readSoon();
  });
  $("wrong").addEventListener("click", () => offer($("right").hidden));
  // Before the list opens, by pointer or by key.
  for (const kind of ["pointerenter", "focus"]) $("model").addEventListener(kind, refresh);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  document.addEventListener("view", ({ detail }) => detail === "draw" && refresh());
  document.addEventListener("photo-close", () => {
    clear();
    $("canvas").focus();
  });
  document.addEventListener("server-back", () => (models.length ? show(image) : loadModels()));
  document.addEventListener("shade", repaint);
  document.addEventListener("words", reword);
  document.addEventListener("paste", (event) => take(event.clipboardData, event));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer, event);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !$("draw-view").hidden) {
      event.preventDefault();
      pen.undo();
    }
  });
  reword();
  show(null);
  return loadModels();
}

/**
 * Put an image on the drawing field, as from another view.
 *
 * @param {Uint8Array} picture 784; 0 = paper, 255 = ink
 * @param {{model?: string, answer?: number, label?: number}} [known] the model that is to answer,
 *   what it answers and what is right: where the two differ, the evidence compares them
 */
export function hang(picture, { model: name, answer: why, label } = {}) {
  if (name && models.some((other) => other.name === name)) choose(name);
  closePhoto();
  const mine = Uint8Array.from(picture);
  bars.press([]);
  asking = why === undefined || why === label ? null : { image: mine, classes: [why, label], label };
  pen.hang(mine);
}

/** See whether models have come or gone. */
async function refresh() {
  if (!models.length || $("draw-view").hidden) return;
  const before = JSON.stringify(models);
  try {
    models = latest(await modelsAnew());
  } catch {
    return; // what there is, is still good
  }
  // The list was loaded anew, so the chosen model is found in it by its name.
  const now = models.find(({ name }) => name === model.name);
  const same = JSON.stringify(now) === JSON.stringify(model);
  if (same) model = now;
  if (JSON.stringify(models) === before) return;
  reword();
  if (!same) choose((now ?? usual()).name);
}

async function loadModels() {
  try {
    models = latest(await once("/models"));
  } catch (error) {
    if (error.status && error.status !== 401) sayError(error); // those have a banner
    return;
  }
  reword();
  choose(usual().name);
}

const usual = () => models.find(({ name }) => name === "convnet") ?? models[0];

function choose(name) {
  model = models.find((other) => other.name === name);
  $("model").value = name;
  answer = null;
  bars.build(model.classes);
  evidence.hide();
  showAnswer(); // nothing of the model before stays beside it
  show(image);
}

/** Look at the drawing: frame it and ask for its answer. */
function look() {
  const closed = $("photo").hidden;
  $("hint").hidden = !pen.blank || !closed;
  $("undo").disabled = pen.blank;
  $("clear").disabled = pen.blank && closed;
  $("eraser").disabled = pen.blank;
  clearTimeout(reading);
  if (!closed) return;
  framed = pen.strokes.length ? frame(pen.ink(), FIELD, FIELD) : pen.picture;
  if (!framed?.some(Boolean)) {
    framed = null; // there is no ink: all strokes were erased
    sayOne();
    show(null);
    return;
  }
  if (pen.strokes.length) readSoon();
  else sayOne();
  // A number is shown until the drawing is read again; the whole of it is not one digit.
  if (!number) show(framed);
}

function readSoon() {
  clearTimeout(reading);
  reading = setTimeout(() => readAll(version), READ_REST);
}

/** Read the drawing, which may be several digits, even touching ones. */
const readAll = newest(async (mine) => {
  const stale = () => mine !== version || !framed || !$("photo").hidden;
  if (stale()) return;
  try {
    const found = await readDrawing(await pen.toBlob(), alpha);
    if (stale()) return;
    if (isNumber(found) && found.probability >= LIKELY) {
      const stroke = pen.strokes.at(-1);
      // A tap, or another significance level, has the same strokes read again: what the user
      // picked stays picked.
      const point = picked && stroke === newestStroke ? centre(picked) : stroke.points.at(-1);
      newestStroke = stroke;
      sayMany(found, touched(found, point) ?? rowsOf(found).flat().at(-1));
    } else if (number) {
      sayOne();
      show(framed);
    }
    unsay();
  } catch (error) {
    if (error.status && !stale()) sayError(error);
  }
});

const isNumber = ({ text }) => (text ?? "").replace(/\D/g, "").length > 1;

/** Return the digit of a reading whose box contains a point. */
const touched = ({ digits }, [x, y]) =>
  digits.find(({ box: [left, top, w, h_] }) => x >= left && x <= left + w && y >= top && y <= top + h_);

const centre = ({ box: [left, top, w, h_] }) => [left + w / 2, top + h_ / 2];

/** Show a number of several digits in the headline, and the bars of one of its digits. */
function sayMany(found, digit) {
  number = found;
  markDrawing($("photo").hidden ? found : null, pick);
  pick(digit);
}

/** Show a single digit in the headline again. */
function sayOne() {
  number = picked = null;
  markDrawing(null);
}

function pick(digit) {
  picked = digit;
  markPicked(digit);
  if (digit.image) show(Uint8Array.from(digit.image));
}

/** Show a picture that the model is to see. @param {Uint8Array | null} seen */
function show(seen) {
  image = seen;
  offer(false);
  delete $("thanks").dataset.t;
  $("thanks").textContent = "";
  $("wrong").hidden = !seen || String(model?.classes) !== DIGITS;
  const context = $("seen").getContext("2d");
  paintImage(context, seen ?? new Uint8Array(784));
  if (!seen || !model) {
    answer = null;
    others = new Map();
    clearTimeout(resting);
    bars.press([]);
    evidence.hide();
    showAnswer();
    return;
  }
  ask({ image: seen, model });
  clearTimeout(resting);
  resting = setTimeout(rest, REST);
}

const ask = newest(async (question, stale) => {
  try {
    const found = await infer(question.model.name, question.image);
    // An answer to a drawing that has gone on since is shown: a better one follows at once.
    if (question.model.name !== model.name || image === null) return;
    if (number && question.image !== image) return; // the answer is about the whole drawing
    answer = { ...found, image: question.image };
    unsay();
    showAnswer();
    for (const other of models) {
      if (other.name === question.model.name || stale()) continue;
      try {
        others.set(other.name, await infer(other.name, question.image));
      } catch (error) {
        if (!error.status) throw error;
        others.delete(other.name); // it can't answer, which is no fault of the others
      }
      showOthers();
    }
  } catch (error) {
    if (error.status === 404) await refresh(); // the model is gone
    if (error.status && models.some(({ name }) => name === question.model.name)) sayError(error);
  }
});

/** The pen rests: ask for the evidence. */
function rest() {
  if (!image) return;
  if (answer?.image !== image) {
    resting = setTimeout(rest, REST); // its answer is still on its way
    return;
  }
  askWhy();
}

function askWhy() {
  if (!image || !answer) return;
  const found = judged(answer, alpha);
  const known = asking?.image === image ? asking : null;
  if (known && !bars.asked.length) bars.press(known.classes);
  const [why, not] = bars.asked.length === 2 ? bars.asked : [found.top, found.second];
  const asked = { image, model };
  evidence.explain({
    model: model.name, image, why, not, classes: model.classes, label: known?.label,
    current: () => asked.image === image && asked.model.name === model.name,
  });
}

function asked() {
  if (bars.asked.length === 1) {
    askOther();
    announce($("why").textContent, 0);
  } else askWhy();
}

function askOther() {
  $("why").textContent = t("why.other", { why: model.classes[bars.asked[0]] });
}

function showAnswer() {
  const classes = model?.classes ?? [..."0123456789"];
  const found = answer && judged(answer, alpha);
  bars.show(answer, found);
  const current = answer?.image === image;
  if (number) sayNumber(number, picked, current ? inWords(answer, found, classes) : null, pick);
  else sayOutcome(answer, found, classes);
  showOthers();
}

function showOthers() {
  const shown = models.filter(({ name }) => name !== model?.name && image && others.has(name));
  const mine = answer && inWords(answer, judged(answer, alpha), model.classes).said;
  sayOthers(shown.map((other) => [other, others.get(other.name)]), mine, alpha, (name) => {
    choose(name);
    $("model").focus();
  });
}

function clear() {
  closePhoto();
  pen.clear();
}

function sample() {
  closePhoto();
  attempt(async (stale) => {
    const [picture] = await pictures("test", [Math.floor(Math.random() * TEST)]);
    if (!stale()) hang(picture);
  });
}

function photos(files) {
  if (!files.length) return;
  chosen = files;
  clearTimeout(reading);
  pen.clear();
  const shown = readPhotos(files, alpha, opened, pick);
  opened(null); // the old answer would seem to belong to the new image
  $("hint").hidden = true;
  $("clear").disabled = false;
  return shown;
}

/** Show the reading of an image file. */
function opened(found) {
  sayOne();
  const digits = found?.digits ?? [];
  if (found && isNumber(found)) sayMany(found, rowsOf(found)[0][0]);
  else if (digits.length) pick(digits.find(({ digit }) => digit !== null) ?? digits[0]);
  else show(null);
}

function take(data, event) {
  const files = [...(data?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  location.hash = "draw";
  photos(files);
}

async function offer(open) {
  if (!open && $("right").hidden) return;
  const { offerRight } = await import("./correct.js");
  offerRight(open, model?.classes ?? [], (label) => {
    const given = answer ? judged(answer, alpha).top : null;
    return { image: Array.from(image), label, answer: given, model: model.name };
  });
}

function repaint() {
  paintImage($("seen").getContext("2d"), image ?? new Uint8Array(784));
  evidence.again();
}

/** Put this view's own words in, in the language of now. */
function reword() {
  $("eraser").title = t("eraser");
  $("model").replaceChildren(
    ...models.map((other) => h("option", { value: other.name, text: modelName(other, true) })),
  );
  if (model) $("model").value = model.name;
  $("alpha").replaceChildren(
    ...ALPHAS.map((value) => h("option", { value, text: t("alpha.of", { count: count(Math.round(1 / value)), hits: count(Math.round(1 / value) - 1) }) })),
  );
  $("alpha").value = String(alpha);
  showAnswer();
  evidence.again();
  if (bars.asked.length === 1) askOther();
}
