/** The view on which people draw: it leads the pen's ink to frame, answer and evidence. */

import { infer, latest, modelsAnew, newest, once, pictures } from "./api.js";
import { Bars, judged, sayOutcome } from "./answer.js";
import { $, announce, h } from "./dom.js";
import { offerRight } from "./correct.js";
import * as evidence from "./evidence.js";
import { frame } from "./frame.js";
import { paintImage } from "./heat.js";
import { sayOthers } from "./others.js";
import { FIELD, Pen } from "./pen.js";
import { attempt, closePhoto, readDrawing, readPhoto, sayAlways, sayError, unsay } from "./photo.js";
import { modelName, t } from "./words.js";

const REST = 150; // milliseconds that the pen rests before the evidence is asked for
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
let resting = 0;
let drawn = 0;

/** Start the view. */
export function startDraw() {
  pen = new Pen($("canvas"));
  bars = new Bars();
  bars.build([..."0123456789"]);
  for (const kind of ["begin", "undo"]) pen.addEventListener(kind, () => closePhoto());
  pen.addEventListener("change", () => {
    cancelAnimationFrame(drawn);
    drawn = requestAnimationFrame(look);
  });
  bars.addEventListener("ask", () => asked());
  $("undo").addEventListener("click", () => pen.undo());
  $("clear").addEventListener("click", clear);
  $("sample").addEventListener("click", sample);
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    if ($("file").files[0]) photo($("file").files[0]);
    $("file").value = "";
  });
  $("model").addEventListener("change", () => choose($("model").value));
  $("alpha").addEventListener("change", () => {
    alpha = Number($("alpha").value);
    showAnswer();
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
 * Put a picture on the drawing field, as from another view.
 *
 * @param {Uint8Array} picture 784; 0 = paper, 255 = ink
 * @param {string} [name] of the model that is to answer
 */
export function hang(picture, name) {
  if (name && models.some((other) => other.name === name)) choose(name);
  closePhoto();
  pen.hang(Uint8Array.from(picture));
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
  if (JSON.stringify(models) === before) return;
  const same = models.find((other) => JSON.stringify(other) === JSON.stringify(model));
  if (same) model = same;
  reword();
  if (!same) choose((models.find(({ name }) => name === model.name) ?? usual()).name);
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
  $("hint").hidden = !pen.blank || !$("photo").hidden;
  $("undo").disabled = pen.blank;
  $("clear").disabled = pen.blank && $("photo").hidden;
  if (pen.blank) {
    if ($("photo").hidden) show(null);
    return;
  }
  framed = pen.picture ? null : frame(pen.ink(), FIELD, FIELD);
  show(framed ?? pen.picture);
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
    bars.release();
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
    if (question.model !== model || image === null) return;
    answer = { ...found, image: question.image };
    unsay();
    showAnswer();
    for (const other of models) {
      if (other === question.model || stale()) continue;
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
    if (error.status && models.includes(question.model)) sayError(error);
  }
});

/** The pen rests: ask for the evidence, and see whether this is one digit. */
function rest() {
  if (!image) return;
  if (answer?.image !== image) {
    resting = setTimeout(rest, REST); // its answer is still on its way
    return;
  }
  askWhy();
  if (image === framed) {
    if (pen.apart > 1) offerReading();
    else if (!$("reading").hidden) closePhoto();
  }
}

function askWhy() {
  if (!image || !answer) return;
  const found = judged(answer, alpha);
  const [why, not] = bars.asked.length === 2 ? bars.asked : [found.top, found.second];
  const asked = { image, model };
  evidence.explain({
    model: model.name, image, why, not, classes: model.classes,
    current: () => asked.image === image && asked.model === model,
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
  sayOutcome(answer, found, classes);
  showOthers();
}

function showOthers() {
  const shown = models.filter((other) => other !== model && image && others.has(other.name));
  const mine = answer && model.classes[judged(answer, alpha).top];
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

function photo(file) {
  pen.clear();
  show(null); // an answer to what was there before would seem to be to this
  $("hint").hidden = true;
  readPhoto(file, alpha, pick);
}

const pick = (digit) => digit.image && show(Uint8Array.from(digit.image));

function take(data, event) {
  const file = [...(data?.files ?? [])][0];
  if (!file) return;
  event.preventDefault();
  location.hash = "draw";
  photo(file);
}

function offerReading() {
  const strokes = pen.strokes;
  const read = () => readDrawing(strokes, alpha, pick);
  sayAlways(() => [
    t("apart"), " ",
    h("button", { type: "button", id: "read-all", text: t("apart.read"), onclick: read }),
  ]);
}

function offer(open) {
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
  $("model").replaceChildren(
    ...models.map((other) => h("option", { value: other.name, text: modelName(other, true) })),
  );
  if (model) $("model").value = model.name;
  $("alpha").replaceChildren(
    ...ALPHAS.map((value) => h("option", { value, text: t("alpha.of", { count: Math.round(1 / value) }) })),
  );
  $("alpha").value = String(alpha);
  showAnswer();
  evidence.again();
  if (bars.asked.length === 1) askOther();
}
