/** What the other models say, small, so that one sees where they differ. */

import { judged } from "./answer.js";
import { $, h } from "./dom.js";
import { modelName, percent, t } from "./words.js";

/**
 * Say it.
 *
 * @param {[object, object][]} said models, as /models tells of them, each with its answer
 * @param {string | null} mine the class that the model in use says
 * @param {number} alpha
 * @param {(name: string) => void} onpick
 */
export function sayOthers(said, mine, alpha, onpick) {
  $("others").replaceChildren(...said.map(([other, theirs]) => {
    const { top } = judged(theirs, alpha);
    const values = {
      model: modelName(other), digit: other.classes[top], percent: percent(theirs.probabilities[top]),
    };
    return h(
      "button",
      {
        type: "button",
        class: other.classes[top] === mine ? "other" : "other differs",
        "data-model": other.name,
        "aria-label": t("others.say", values),
        onclick: () => onpick(other.name),
      },
      h("span", { text: values.model }),
      h("b", { text: values.digit }),
      h("span", { class: "percent", text: values.percent }),
    );
  }));
}
