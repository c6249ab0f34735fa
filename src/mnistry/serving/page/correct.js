/** A wrong answer is told: which class is right, kept on this machine. */

import { json } from "./api.js";
import { $, h, wordAll } from "./dom.js";

/**
 * Offer the classes of which one is right, or take the offer back.
 *
 * @param {boolean} open
 * @param {string[]} classes
 * @param {(label: number) => object} correction that is kept if that label is chosen
 */
export function offerRight(open, classes, correction) {
  $("right").hidden = !open;
  $("wrong").setAttribute("aria-expanded", String(open));
  if (!open) return;
  $("right").replaceChildren(
    h("p", { class: "note", "data-t": "wrong.which" }),
    ...classes.map((name, i) =>
      h("button", { type: "button", text: name, "data-label": i, onclick: () => keep(correction(i)) }),
    ),
  );
  wordAll($("right"));
  $("right").querySelector("button").focus();
}

async function keep(correction) {
  try {
    await json("/corrections", correction);
    offerRight(false);
    $("thanks").dataset.t = "wrong.thanks";
    wordAll($("thanks").parentElement);
    $("wrong").focus();
    document.dispatchEvent(new Event("corrected"));
  } catch (error) {
    delete $("thanks").dataset.t;
    $("thanks").textContent = error.message;
  }
}
