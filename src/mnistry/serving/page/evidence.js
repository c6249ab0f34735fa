/** Why this and not that: the map in red and blue, the sentence, and its sums. */

import { json, newest } from "./api.js";
import { $ } from "./dom.js";
import { paintMap, reachOf } from "./heat.js";
import { signed, t, times } from "./words.js";

let shown = null; // what is on the page: {found, image, classes}

/**
 * Ask for the evidence of one picture and show it; the newest question wins.
 *
 * @type {(question: {model: string, image: Uint8Array, why: number, not: number | null,
 *   classes: string[], current: () => boolean}) => void}
 */
export const explain = newest(async ({ model, image, why, not, classes, current }) => {
  try {
    const found = await json("/explain", { model, image: Array.from(image), why, not });
    if (current()) show({ found, image, classes });
  } catch (error) {
    if (current()) {
      hide();
      if (error.status) $("why").textContent = error.message;
    }
  }
});

/** Take the evidence off the page. */
export function hide() {
  shown = null;
  const map = $("map");
  map.getContext("2d").clearRect(0, 0, 28, 28);
  $("evidence").classList.add("empty");
  for (const id of ["why", "account", "map-caption"]) $(id).textContent = "";
}

/** Show it again, in other words or colours. */
export function again() {
  if (shown) show(shown);
}

function show(now) {
  shown = now;
  const { found, image, classes } = now;
  $("evidence").classList.remove("empty");
  paintMap($("map").getContext("2d"), found.map, reachOf(found.map), image);
  const why = classes[found.why];
  const not = found.not === null ? null : classes[found.not];
  $("map-caption").textContent = not ? t("map.caption", { why, not }) : t("map.all", { why });
  $("why").textContent = sentence(found, why, not);
  const sums = { baseline: found.baseline, sum: found.sum, difference: found.difference };
  for (const name in sums) sums[name] = signed(sums[name]);
  sums.residual = signed(found.residual);
  sums.logarithm = t(found.difference >= 0 ? "account.log" : "account.minus-log");
  $("account").textContent = t(Number(sums.residual) === 0 ? "account" : "account.residual", sums);
}

/** Say in words how many times more probable the one is than the other. */
function sentence({ difference }, why, not) {
  const odds = Math.exp(Math.abs(difference));
  if (not === null) return t(difference >= 0 ? "why.all" : "why.all.less", { why, times: times(odds) });
  if (odds < 1.05) return t("why.even", { why, not });
  const [more, less] = difference >= 0 ? [why, not] : [not, why];
  return t("why", { why: more, not: less, times: times(odds) });
}
