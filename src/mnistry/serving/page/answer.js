/** The answer to a picture: a bar for each class, the prediction set, and the outcome in words. */

import { $, announce, h, roving } from "./dom.js";
import { percent, t } from "./words.js";

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

  /** Forget what was asked. */
  release() {
    this.#asked = [];
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
 * Say what an answer comes to, large and to screen readers.
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
  const top = { digit: classes[found.top], percent: percent(answer.probabilities[found.top]) };
  let said;
  let more;
  if (found.outcome === "digit") [said, more] = [top.digit, t("outcome.sure", top)];
  else if (found.outcome === "not a digit") [said, more] = [t("outcome.none"), t("outcome.none.more", top)];
  else if (found.set.length === 0) [said, more] = [`${top.digit}?`, t("outcome.empty", top)];
  else if (found.set.length > 4) [said, more] = ["?", t("outcome.many", { count: found.set.length })];
  else {
    said = found.set.map((i) => classes[i]).join(t("or"));
    more = t("outcome.ambiguous", top);
  }
  line.replaceChildren(
    h("span", { class: said.length > 12 ? "said long" : "said", text: said }),
    h("span", { class: "more", text: more }),
  );
  announce(`${said}. ${more}`);
}
