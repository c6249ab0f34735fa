/** The view on MNIST's test pictures: what a model gets wrong, and how far to believe it. */

import { json, latest, modelsAnew, once } from "./api.js";
import { confusionTable } from "./confusion.js";
import { $, h, p, wordAll } from "./dom.js";
import { hang } from "./draw.js";
import { paintImage } from "./heat.js";
import { reliabilityDiagram } from "./reliability.js";
import { Sprites } from "./sprites.js";
import { count, modelName, number, percent, t } from "./words.js";
import "./words-look.js";

let models = [];
let labels = [];
let students = null;
let found = null; // the chosen model's answers to the test pictures
let model = null;
const filter = { what: "mistakes", who: "all", cell: null };
let sprites;
let picked = null;

/** Build the view. @param {HTMLElement} root its tab panel */
export async function start(root) {
  sprites = new Sprites(describe, open);
  const choice = (name, values) =>
    h(
      "div",
      { class: "segments", role: "group", "data-t-label": `look.${name}` },
      ...values.map((value) =>
        h("button", {
          type: "button", id: `${name}-${value}`, "data-t": `look.${name}.${value}`,
          "aria-pressed": String(filter[name] === value),
          onclick: () => {
            filter[name] = value;
            if (name === "what") filter.cell = null;
            list();
          },
        }),
      ),
    );
  root.replaceChildren(
    h("header", { class: "opening" }, h("h1", { "data-t": "look.title" }), h("p", { class: "lead", "data-t": "look.lead" })),
    h(
      "div",
      { class: "choices" },
      h("label", {}, h("span", { "data-t": "model" }), " ", h("select", { id: "look-model", onchange: () => choose($("look-model").value) })),
    ),
    h("p", { class: "note", id: "look-said", role: "status" }),
    h("div", { id: "sheet", class: "sheet" }),
    h(
      "div",
      { class: "tables" },
      h("section", {}, h("h2", { "data-t": "confusion.title" }), h("div", { id: "confusion-place" }), h("p", { class: "note", "data-t": "confusion.note" })),
      h("section", {}, h("h2", { "data-t": "reliability.title" }), h("div", { id: "reliability-place" }), h("p", { class: "note", id: "reliability-note" })),
    ),
    h("section", { id: "list" }, h("h2", { "data-t": "look.pictures" }), h("div", { class: "filters" }, choice("what", ["mistakes", "all"]), choice("who", ["all", "students", "employees"]), h("span", { id: "cell" })), sprites.element),
    h("dialog", { id: "detail", "aria-labelledby": "detail-title" }),
  );
  wordAll(root);
  document.addEventListener("words", words);
  document.addEventListener("shade", () => picked && paintDetail());
  document.addEventListener("server-back", () => !found && load());
  document.addEventListener("view", ({ detail }) => detail === "look" && refresh());
  for (const kind of ["pointerenter", "focus"]) $("look-model").addEventListener(kind, refresh);
  await load();
}

async function load() {
  try {
    const [all, truth] = await Promise.all([once("/models"), once("/data/test/labels")]);
    models = fitting(all);
    ({ labels, students } = truth);
  } catch (error) {
    $("look-said").textContent = error.message;
    return;
  }
  // The simple one first: it has mistakes enough to learn from.
  await choose((models.find(({ name }) => name === "softmax") ?? models[0]).name);
}

/** The models that MNIST's labels can be held against. */
const fitting = (told) => latest(told).filter(({ classes }) => String(classes) === "0,1,2,3,4,5,6,7,8,9");

/** See whether models have come or gone. */
async function refresh() {
  if (!found) return;
  let now;
  try {
    now = fitting(await modelsAnew());
  } catch {
    return; // what there is, is still good
  }
  if (JSON.stringify(now) === JSON.stringify(models)) return;
  const old = JSON.stringify(model);
  models = now;
  const same = models.find((other) => JSON.stringify(other) === old);
  if (same) {
    model = same;
    words();
  } else if (models.length) await choose((models.find(({ name }) => name === model.name) ?? models[0]).name);
}

async function choose(name) {
  const before = model;
  model = models.find((other) => other.name === name);
  $("look-said").textContent = t("look.waiting");
  $("look-view").classList.toggle("waiting", found !== null); // dim the previous model's results
  try {
    const answers = await once(`/models/${encodeURIComponent(name)}/answers`, (path) => json(path));
    if (model.name !== name) return; // another was chosen meanwhile
    found = answers;
    $("look-said").textContent = "";
  } catch (error) {
    $("look-said").textContent = error.message;
    $("look-view").classList.remove("waiting");
    if (found) {
      model = before; // whose figures still stand there
      $("look-model").value = model.name;
    }
    return;
  }
  $("look-view").classList.remove("waiting");
  filter.cell = null;
  words();
}

/** Write all that has words or depends on the model. */
function words() {
  $("look-model").replaceChildren(
    ...models.map((other) => h("option", { value: other.name, text: modelName(other, true) })),
  );
  if (model) $("look-model").value = model.name;
  if (!found) return;
  const { sheet } = found;
  const [low, high] = sheet.accuracy_interval;
  const wrong = found.answers.filter((answer, i) => answer !== labels[i]).length;
  $("sheet").replaceChildren(
    h("p", { class: "headline", id: "accuracy" }, h("b", { text: percent(sheet.accuracy, 2) }), ` ${t("sheet.right")}`),
    p("sheet.interval", { low: percent(low, 2), high: percent(high, 2), wrong: count(wrong) }),
  );
  const parts = sheet.parts ?? {};
  if (parts.students && parts.employees) {
    $("sheet").append(
      p("sheet.parts", {
        students: percent(parts.students.accuracy, 2), employees: percent(parts.employees.accuracy, 2),
      }),
    );
  }
  const coverage = sheet.coverage?.["0.01"];
  if (coverage) {
    $("sheet").append(
      p("sheet.coverage", { coverage: percent(coverage.coverage, 2), size: number(coverage.size, 2) }),
    );
  }
  $("confusion-place").replaceChildren(
    confusionTable(labels, found.answers, (label, answer) => {
      filter.cell = [label, answer];
      filter.who = "all";
      list();
      $("list").scrollIntoView({ block: "start" });
    }),
  );
  $("reliability-place").replaceChildren(reliabilityDiagram(sheet.reliability));
  $("reliability-note").textContent = t("reliability.note", {
    count: span(sheet.reliability.pictures), ece: number(sheet.ece, 4), floor: number(sheet.ece_floor, 4),
  });
  list();
}

/** How many pictures a point stands for: "667", or "12–8,000" where points differ. */
function span(pictures) {
  const all = pictures.filter((number) => number > 0);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return high - low < 2 ? count(high) : `${count(low)}–${count(high)}`;
}

/** Show the pictures that the filters let through. */
function list() {
  if (!found) return;
  let indices = [...labels.keys()];
  if (filter.cell) {
    const [label, answer] = filter.cell;
    indices = indices.filter((i) => labels[i] === label && found.answers[i] === answer);
  } else if (filter.what === "mistakes") {
    indices = indices.filter((i) => labels[i] !== found.answers[i]);
  }
  if (students && filter.who !== "all") {
    indices = indices.filter((i) => students[i] === (filter.who === "students"));
  }
  if (filter.cell || filter.what === "mistakes") {
    indices.sort((a, b) => found.probabilities[b] - found.probabilities[a]); // surest first
  }
  for (const name of ["what", "who"]) {
    for (const button of document.querySelectorAll(`[id^=${name}-]`)) {
      const on = button.id === `${name}-${filter[name]}` && !(name === "what" && filter.cell);
      button.setAttribute("aria-pressed", String(on));
    }
  }
  const chip = filter.cell && h("button", {
    type: "button", id: "cell-close", "aria-pressed": "true",
    text: t("look.cell", { label: filter.cell[0], answer: filter.cell[1] }),
    onclick: () => {
      filter.cell = null;
      list();
    },
  });
  $("cell").replaceChildren(...(chip ? [chip] : []));
  sprites.show(indices);
}

function describe(index) {
  const values = {
    index: count(index), label: labels[index], answer: found.answers[index],
    percent: percent(found.probabilities[index]), who: who(index),
  };
  const wrong = values.label !== values.answer;
  return {
    short: wrong ? `${values.label} → ${values.answer}` : String(values.label),
    sure: values.percent,
    long: t(wrong ? "look.wrong" : "look.right", values),
    wrong,
  };
}

const who = (index) => (students ? t(students[index] ? "look.student" : "look.employee") : "");

/** Show one picture large. */
function open(index, image) {
  picked = { index, image };
  const dialog = $("detail");
  const { long } = describe(index);
  dialog.replaceChildren(
    h("h2", { id: "detail-title", text: t("detail.title", { index: count(index) }) }),
    h("canvas", { width: 28, height: 28, class: "big" }),
    h("p", { text: long }),
    h(
      "p",
      { class: "links" },
      h("button", {
        type: "button", class: "primary", id: "detail-draw", text: t("detail.draw"),
        onclick: () => {
          dialog.close();
          location.hash = "draw";
          hang(image, { model: model.name, answer: found.answers[index], label: labels[index] });
        },
      }),
      h("button", { type: "button", id: "detail-close", text: t("close"), onclick: () => dialog.close() }),
    ),
  );
  paintDetail();
  dialog.showModal();
}

function paintDetail() {
  const canvas = $("detail").querySelector("canvas");
  if (canvas) paintImage(canvas.getContext("2d"), picked.image);
}
