/** The answer to a picture: a bar for each class, the prediction set, and the outcome in words. */

import { $, announce, h, roving } from "./dom.js";
import { modelName, percent, t } from "./words.js";

const LEVEL = 0.001; // of typicality; what is at or below it is no digit

/**
 * What an answer comes to.
 *
 * @param {{probabilities: number[], p_values?: number[], typicality: number}} answer without
 *   p-values of a model that was not calibrated: its set is what it says
 * @param {number} alpha how often the set may miss the truth, in (0, 1)
 * @returns {{outcome: "digit"|"ambiguous"|"not a digit", set: number[], top: number,
 *   second: number}} classes by index; the set's in the order of their probability
 */
export function judged(answer, alpha) {
  const order = answer.probabilities.map((_, i) => i);
  order.sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
  const set = answer.p_values ? order.filter((i) => answer.p_values[i] > alpha) : [order[0]];
  let outcome = set.length === 1 ? "digit" : "ambiguous";
  if (answer.typicality <= LEVEL) outcome = "not a digit";
  return { outcome, set, top: order[0], second: order[1] };
}

export class Bars extends EventTarget {
  #group = $("bars");
  #classes = [];
  #asked = []; // the classes that were pressed: why, not

  /** "ask" is sent, with detail [why, not] or [], when two bars are pressed or none is any more */
  constructor() {
    super();
    roving(this.#group, () => [...this.#group.children]);
  }

  /** @returns {number[]} the classes that are pressed, first why, then not */
  get asked() {
    return this.#asked;
  }

  /** Make the bars. @param {string[]} classes their names */
  build(classes) {
    this.#classes = classes;
    this.#asked = [];
    this.#group.replaceChildren(
      ...classes.map((name, i) =>
        h(
          "button",
          {
            type: "button", class: "bar", "data-digit": name, "data-probability": "",
            "aria-pressed": "false", tabindex: i ? -1 : 0, onclick: () => this.#press(i),
          },
          h("span", { class: "digit", text: name }),
          h("span", { class: "track" }, h("span", { class: "fill" })),
          h("span", { class: "percent" }),
        ),
      ),
    );
    this.#group.style.setProperty("--rows", Math.ceil(classes.length / 2));
    this.#group.classList.toggle("named", classes.some((name) => name.length > 2));
    this.show(null);
  }

  /**
   * Show an answer, or none.
   *
   * @param {{probabilities: number[]} | null} answer
   * @param {ReturnType<typeof judged>} [found]
   */
  show(answer, found) {
    [...this.#group.children].forEach((bar, i) => {
      const share = answer?.probabilities[i] ?? 0;
      const inSet = Boolean(answer && found.outcome !== "not a digit" && found.set.includes(i));
      bar.dataset.probability = answer ? String(share) : "";
      bar.classList.toggle("in-set", inSet);
      bar.classList.toggle("top", Boolean(answer && found.top === i));
      bar.querySelector(".fill").style.transform = `scaleX(${share})`;
      bar.querySelector(".percent").textContent = answer ? percent(share) : "";
      bar.setAttribute(
        "aria-label",
        answer
          ? t(inSet ? "bar.in" : "bar", { digit: this.#classes[i], percent: percent(share) })
          : this.#classes[i],
      );
    });
  }

  /** Select the two bars to compare, or none. @param {number[]} classes target and reference, or [] */
  press(classes) {
    this.#asked = classes;
    this.#mark();
  }

  #press(i) {
    if (this.#asked.includes(i)) this.#asked = this.#asked.filter((other) => other !== i);
    else if (this.#asked.length === 2) this.#asked = [i];
    else this.#asked = [...this.#asked, i];
    this.#mark();
    this.dispatchEvent(new Event("ask"));
  }

  #mark() {
    [...this.#group.children].forEach((bar, i) => {
      bar.setAttribute("aria-pressed", String(this.#asked.includes(i)));
      bar.classList.toggle("why", this.#asked[0] === i);
      bar.classList.toggle("not", this.#asked[1] === i);
    });
  }
}

/**
 * Describe an answer in words.
 *
 * @param {{probabilities: number[]}} answer
 * @param {ReturnType<typeof judged>} found
 * @param {string[]} classes
 * @returns {{said: string, more: string}} the outcome, and one sentence about it
 */
export function inWords(answer, found, classes) {
  const top = { digit: classes[found.top], percent: percent(answer.probabilities[found.top]) };
  if (found.outcome === "digit") return { said: top.digit, more: t("outcome.sure", top) };
  if (found.outcome === "not a digit") return { said: t("outcome.none"), more: t("outcome.none.more", top) };
  if (found.set.length === 0) return { said: `${top.digit}?`, more: t("outcome.empty", top) };
  if (found.set.length > 4) return { said: "?", more: t("outcome.many", { count: found.set.length }) };
  return { said: found.set.map((i) => classes[i]).join(t("or")), more: t("outcome.ambiguous", top) };
}

/**
 * Show an answer in large type, and announce it to screen readers.
 *
 * @param {object | null} answer null for a blank field
 * @param {ReturnType<typeof judged>} found
 * @param {string[]} classes
 */
export function sayOutcome(answer, found, classes) {
  const line = $("outcome");
  line.dataset.outcome = answer ? found.outcome : "blank";
  if (!answer) {
    line.replaceChildren(h("span", { class: "said", text: t("outcome.blank") }));
    announce(t("outcome.blank"));
    return;
  }
  const { said, more } = inWords(answer, found, classes);
  line.replaceChildren(
    h("span", { class: said.length > 12 ? "said long" : "said", text: said }),
    h("span", { class: "more", text: more }),
  );
  announce(`${said}. ${more}`);
}

/**
 * Split a reading into its rows.
 *
 * @param {{text: string, digits: object[]}} reading with a line break between rows of its text
 * @returns {object[][]} the digits of each row; marks that are no digits are left out
 */
export function rowsOf({ text, digits }) {
  const rows = [[]];
  let at = 0;
  for (const mark of digits) {
    if (mark.digit === null) continue;
    while (at < text.length && text[at] !== String(mark.digit)) {
      if (text[at] === "\n") rows.push([]);
      at++;
    }
    rows.at(-1).push(mark);
    at++;
  }
  return rows.filter((row) => row.length);
}

const marks = new WeakMap(); // button in the headline -> the digit that it shows

/**
 * Show a number of several digits in large type; each digit is a button.
 *
 * @param {{text: string, probability: number, digits: object[]}} reading
 * @param {object} picked the digit whose bars are shown
 * @param {{said: string, more: string} | null} about it, once it is known
 * @param {(digit: object) => void} onpick
 */
export function sayNumber(reading, picked, about, onpick) {
  const line = $("outcome");
  const more = [t("photo.sure", { percent: percent(reading.probability) }), ...remarks(reading)].join(" ");
  const chosen = about ? `${about.said} · ${about.more}` : "";
  line.dataset.outcome = "number";
  const shown = line.querySelector("#text");
  if (shown && marks.get(shown) === reading) {
    line.querySelector(".more").textContent = more;
    line.querySelector(".chosen").textContent = chosen;
  } else {
    const rows = rowsOf(reading);
    const longest = Math.max(...rows.map((row) => row.length));
    const size = longest > 9 || rows.length > 2 ? " third" : longest > 5 || rows.length > 1 ? " half" : "";
    const text = h(
      "span",
      { class: `said text${size}`, id: "text", role: "group" },
      ...rows.map((row) => h("span", { class: "row" }, ...row.map((digit) => digitButton(digit, onpick)))),
    );
    marks.set(text, reading);
    line.replaceChildren(
      text, h("span", { class: "more", text: more }), h("span", { class: "more chosen", text: chosen }),
    );
    announce(`${t("photo.text", { text: reading.text })}. ${more}`);
  }
  line.querySelector("#text").setAttribute("aria-label", t("photo.text", { text: reading.text }));
  for (const button of line.querySelectorAll("#text button")) {
    button.setAttribute("aria-label", labelOf(marks.get(button)));
    button.setAttribute("aria-pressed", String(marks.get(button) === picked));
  }
}

const MOST_OTHERS = 3; // texts that are named beside the chosen one
const LEAST = 0.005; // probability of a text that is worth naming

/** Return sentences about a reading: whether it fits and is accepted, and what else it could be. */
function remarks({ text, fits, accepted, alternatives }) {
  const others = (alternatives ?? []).filter((other) => other.text !== text && other.probability > LEAST);
  const named = others.slice(0, MOST_OTHERS).map((other) => {
    const said = other.text.replaceAll("\n", " / ") || t("photo.nothing");
    return `${said} (${percent(other.probability)})`;
  });
  return [
    fits === false && t("known.unfit"),
    accepted === true && t("known.accepted"),
    accepted === false && t("known.doubtful"),
    named.length > 0 && t("photo.others", { texts: named.join(", ") }),
  ].filter(Boolean);
}

function digitButton(digit, onpick) {
  const button = h("button", {
    type: "button",
    class: digit.outcome === "digit" ? "" : "unsure",
    text: digit.digit,
    onclick: () => onpick(digit),
  });
  marks.set(button, digit);
  return button;
}

/** Return the name of a mark in a reading, with its probability. */
export const labelOf = ({ digit, probabilities }) =>
  t("bar", { digit: digit ?? "?", percent: percent(Math.max(...probabilities)) });

/**
 * Show the answers of other models in small type, for comparison.
 *
 * @param {[object, object][]} answers models, as /models lists them, each with its answer
 * @param {string | null} mine the answer of the model in use
 * @param {number} alpha
 * @param {(name: string) => void} onpick
 */
export function sayOthers(answers, mine, alpha, onpick) {
  $("others").replaceChildren(...answers.map(([other, answer]) => {
    const found = judged(answer, alpha);
    const { said } = inWords(answer, found, other.classes);
    const none = found.outcome === "not a digit"; // then the digits' probabilities mean little
    const values = { model: modelName(other), said, percent: percent(answer.probabilities[found.top]) };
    return h(
      "button",
      {
        type: "button",
        class: said === mine ? "other" : "other differs",
        "data-model": other.name,
        "data-outcome": found.outcome,
        "aria-label": t(none ? "others.none" : "others.say", values),
        onclick: () => onpick(other.name),
      },
      h("span", { text: values.model }),
      h("b", { text: said }),
      h("span", { class: "percent", text: none ? "" : values.percent }),
    );
  }));
}
