/** Why this and not that: the map in red and blue, the sentence, and its sums. */

import { json, newest } from "./api.js";
import { $ } from "./dom.js";
import { paintMap, reachOf } from "./heat.js";
import { number, signed, t, times } from "./words.js";

let shown = null; // what is on the page: {found, image, classes, label}

/**
 * Ask for the evidence of one picture and show it; the newest question wins.
 *
 * @type {(question: {model: string, image: Uint8Array, why: number, not: number | null,
 *   classes: string[], label?: number, current: () => boolean}) => void}
 */
export const explain = newest(async ({ model, image, why, not, classes, label, current }) => {
  try {
    const found = await json("/explain", { model, image: Array.from(image), why, not });
    if (current()) show({ found, image, classes, label });
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
  for (const id of ["why", "account"]) $(id).textContent = "";
  $("map-caption").textContent = t("map.none");
}

/** Show it again, in other words or colours. */
export function again() {
  if (shown) show(shown);
  else hide();
}

function show(now) {
  shown = now;
  const { found, image, classes, label } = now;
  $("evidence").classList.remove("empty");
  paintMap($("map").getContext("2d"), found.map, reachOf(found.map), image);
  const why = classes[found.why];
  const not = found.not === null ? null : classes[found.not];
  $("map-caption").textContent = not ? t("map.caption", { why, not }) : t("map.all", { why });
  const right = label === undefined ? "" : ` ${t("why.label", { label: classes[label] })}`;
  $("why").textContent = sentence(found, why, not) + right;
  const size = Math.abs(found.difference);
  const sums = { times: times(Math.exp(size)), size: number(size) };
  const parts = { baseline: found.baseline, sum: found.sum, difference: found.difference };
  for (const name in parts) sums[name] = signed(parts[name]);
  sums.residual = signed(found.residual);
  sums.logarithm = t(meaning(found), sums);
  $("account").textContent = t(Number(sums.residual) === 0 ? "account" : "account.residual", sums);
}

/** How many times as probable as the other the one is. */
const odds = ({ probabilities: [one, other] }) => one / Math.max(other, Number.MIN_VALUE);

/**
 * Tell what the sums come to: the logarithm of the odds, but of a picture that is strange to it a
 * model is less sure than its evidence says.
 */
function meaning(found) {
  if (found.not === null) return "account.mean";
  const off = Math.abs(Math.log(odds(found)) - found.difference);
  if (off > 0.02 * Math.max(1, Math.abs(found.difference))) return "account.strange";
  return "account.log";
}

/** Say in words how many times more probable the one is than the other. */
function sentence(found, why, not) {
  const share = odds(found);
  const often = times(Math.max(share, 1 / share));
  if (not === null) return t(share >= 1 ? "why.all" : "why.all.less", { why, times: often });
  if (Math.max(share, 1 / share) < 1.05) return t("why.even", { why, not });
  const [more, less] = share >= 1 ? [why, not] : [not, why];
  return t("why", { why: more, not: less, times: often });
}
