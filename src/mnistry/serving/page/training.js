/** Live training: the server trains a model, and sends the weights as they change. */

import { ask, json } from "./api.js";
import { Curve } from "./curve.js";
import { h } from "./dom.js";
import { paintMap } from "./heat.js";
import { count, number, percent, t } from "./words.js";

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const REACH = 0.35; // the least scale of the maps, so that they form out of white
const RATES = [0.001, 100]; // of the slider, from end to end
const GUESSING = Math.log(10); // nats, of evenly guessed classes
const SPEEDS = [1, 2000]; // batches a second

/**
 * Read a stream of server-sent events.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {(kind: string, data: object) => void} onevent
 */
export async function readEvents(stream, onevent) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value.replaceAll("\r\n", "\n");
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const fields = { event: "message", data: "" };
      for (const line of event.split("\n")) {
        const [, name, rest] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (name === "data") fields.data += rest;
        else if (name) fields[name] = rest;
      }
      if (fields.data) onevent(fields.event, JSON.parse(fields.data));
    }
  }
}

/** @param {string} base64 of int8 @returns {Int8Array} */
function decoded(base64) {
  const text = atob(base64);
  const bytes = new Int8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** A slider whose steps multiply. */
function logSlider(id, [low, high], value) {
  const at = (number) => Math.log(number / low) / Math.log(high / low);
  const input = h("input", { type: "range", min: 0, max: 1, step: 0.01, id });
  input.value = at(value);
  const read = () => Number((low * (high / low) ** Number(input.value)).toPrecision(2));
  return { input, read, put: (number) => (input.value = at(number)) };
}

/** The figure: ten maps, two curves, and what steers them. */
export function trainingFigure() {
  const maps = Array.from({ length: 10 }, () => h("canvas", { width: SIDE, height: SIDE }));
  const button = (id, key, properties) => h("button", { type: "button", id, "data-t": key, ...properties });
  const start = button("start-training", "training.start", { class: "primary" });
  const pause = button("pause-training", "training.pause", { disabled: true });
  const step = button("step-training", "training.step", { disabled: true });
  const rate = logSlider("training-rate", RATES, 0.5);
  const speed = logSlider("training-speed", SPEEDS, 20);
  const rateSaid = h("output", { for: "training-rate", class: "number" });
  const speedSaid = h("output", { for: "training-speed", class: "number" });
  const numbers = h("p", { class: "readout number", id: "training-numbers" });
  const said = h("p", { class: "note", id: "training-said", role: "status" });
  const [lossCanvas, accuracyCanvas] = ["training.loss", "training.accuracy"].map((key) =>
    h("canvas", { class: "curve", role: "img", "data-t-label": key }),
  );
  const steps = (value) => t("training.batches", { count: count(value) });
  const loss = new Curve(lossCanvas, {
    low: 0.1, high: 100, log: true, ticks: [0.1, 1, 10, 100], write: String, step: steps,
  });
  const accuracy = new Curve(accuracyCanvas, {
    low: 0, high: 1, ticks: [0, 0.5, 1], write: (tick) => `${100 * tick}%`, step: steps,
  });
  let run = null; // {id, abort}
  let last = null; // the newest look
  let paused = false;
  let away = false; // whether the run is paused because the page is hidden
  let looks = []; // events of the last seconds: [milliseconds, step]
  let noted = 0; // time of the note's last change

  const paint = () => {
    const weights = last ? decoded(last.weights) : new Int8Array(10 * PIXELS);
    const scale = Number.isFinite(last?.scale) ? last.scale : 1;
    const reach = Math.max(0.6 * scale, REACH);
    maps.forEach((map, k) => {
      const ofClass = Float64Array.from(
        weights.subarray(k * PIXELS, (k + 1) * PIXELS), (value) => (value * scale) / 127,
      );
      paintMap(map.getContext("2d"), ofClass, reach);
    });
  };
  const word = () => {
    rateSaid.textContent = number(rate.read(), rate.read() < 1 ? 3 : 1);
    const real = pace();
    speedSaid.textContent = real !== null && real < 0.8 * speed.read()
      ? t("training.slower", { count: count(real), wanted: count(speed.read()) })
      : t("training.per-second", { count: count(speed.read()) });
    rate.input.setAttribute("aria-valuetext", rateSaid.textContent);
    speed.input.setAttribute("aria-valuetext", speedSaid.textContent);
    pause.textContent = t(paused ? "training.resume" : "training.pause");
    start.textContent = t(run ? "training.restart" : "training.start");
    numbers.textContent = t("training.numbers", {
      step: count(last?.step ?? 0),
      loss: last ? (Number.isFinite(last.loss) ? number(last.loss, 3) : "∞") : "–",
      accuracy: last ? percent(last.accuracy) : "–",
    });
  };
  /** Return the batches per second of the last seconds, or null with too little data. */
  const pace = () => {
    if (!run || paused || looks.length < 2) return null;
    const [[from, first], [to, newest]] = [looks[0], looks.at(-1)];
    return to - from > 1500 ? Math.round((1000 * (newest - first)) / (to - from)) : null;
  };
  const enable = (running) => {
    pause.disabled = step.disabled = !running;
    word();
  };
  const tell = async (change) => {
    if (!run?.id) return;
    try {
      await json(`/training/${run.id}`, change);
    } catch (error) {
      said.textContent = error.message;
    }
  };
  const tooLong = () => last?.step > 0 && (last.loss ?? Infinity) > 1.05 * GUESSING;
  /** Change the note, a live region; new numbers change it only now and then, for screen readers. */
  const note = (kind, text) => {
    if (said.textContent === text) return;
    if (said.dataset.kind === kind && text && performance.now() - noted < 3000) return;
    said.dataset.kind = kind;
    said.textContent = text;
    noted = performance.now();
  };
  const swings = () => t("training.swings", { percent: percent(last.accuracy, 0) });
  const hear = (kind, data) => {
    if (kind === "start") {
      run.id = data.id;
      tell({ speed: speed.read() });
      enable(true);
    } else if (kind === "wait") {
      note("wait", data.ahead > 1 ? t("training.wait.line", { count: count(data.ahead - 1) }) : t("training.wait"));
    } else if (kind === "look") {
      last = data;
      paused = data.paused;
      const now = performance.now();
      looks = [...looks.filter(([at]) => now - at < 4000), [now, data.step]];
      loss.add(data.step, data.loss ?? Infinity);
      accuracy.add(data.step, data.accuracy);
      if (tooLong()) note("swings", swings());
      else note("", "");
      paint();
      word();
    } else if (kind === "end") {
      const infinite = data.reason === "diverged";
      said.textContent = infinite ? t("training.diverged") : tooLong() ? swings() : t("training.done");
    }
  };
  const begin = async () => {
    run?.abort.abort();
    const mine = { id: null, abort: new AbortController() };
    run = mine;
    last = null;
    paused = away = false;
    looks = [];
    note("start", t("training.starting"));
    loss.clear();
    accuracy.clear();
    paint();
    word();
    try {
      const response = await ask("/training", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ rate: rate.read(), batch: 100, seed: 0 }),
        signal: mine.abort.signal,
        attempts: Infinity, // keep waiting for a place
        onbusy: () => run === mine && note("wait", t("training.wait")),
      });
      await readEvents(response.body, (kind, data) => run === mine && hear(kind, data));
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = error.status === undefined ? t("training.cut") : error.message;
    }
    if (run !== mine) return; // another has begun
    run = null;
    enable(false);
  };

  start.addEventListener("click", begin);
  pause.addEventListener("click", () => {
    paused = !paused;
    away = false;
    looks = [];
    tell({ paused });
    word();
  });
  step.addEventListener("click", () => {
    paused = true;
    away = false;
    tell({ steps: 1 });
    word();
  });
  rate.input.addEventListener("input", () => word());
  rate.input.addEventListener("change", () => tell({ rate: rate.read() }));
  speed.input.addEventListener("input", () => {
    looks = [];
    tell({ speed: speed.read() });
    word();
  });
  // A hidden page gives its place to another run.
  const watched = (here) => {
    if (!run || (here ? !away : paused)) return;
    away = !here;
    paused = away;
    looks = [];
    tell({ paused });
    word();
  };
  document.addEventListener("view", ({ detail }) => watched(detail === "learn" && !document.hidden));
  document.addEventListener("visibilitychange", () =>
    watched(!document.hidden && !document.getElementById("learn-view").hidden),
  );
  document.addEventListener("shade", paint);
  document.addEventListener("words", word);
  paint();
  word();
  const control = (key, slider, output) =>
    h("div", { class: "control" }, h("label", { for: slider.input.id, "data-t": key }), slider.input, output);
  return h(
    "figure",
    { class: "live training", id: "training" },
    h(
      "div",
      { class: "maps", role: "img", "data-t-label": "training.maps" },
      ...maps.map((map, k) => h("div", {}, map, h("span", { text: k }))),
    ),
    h("div", { class: "playing" }, start, pause, step),
    numbers,
    h(
      "div",
      { class: "curves" },
      h("figure", {}, h("figcaption", { "data-t": "training.loss" }), lossCanvas),
      h("figure", {}, h("figcaption", { "data-t": "training.accuracy" }), accuracyCanvas),
    ),
    control("training.speed", speed, speedSaid),
    control("training.rate", rate, rateSaid),
    said,
  );
}
