/** What a form says about a field. Texts that break such a rule get a low prior probability. */

import { $ } from "./dom.js";

// Input -> query parameter of /read. An empty input says nothing.
const INPUTS = {
  "known-digits": "digits", "known-pattern": "pattern", "known-range": "range",
  "known-allowed": "allowed", "known-check": "check", "known-risk": "risk",
};

/** Call `onchange` when an input changes. */
export function onKnown(onchange) {
  for (const id of Object.keys(INPUTS)) $(id).addEventListener("change", onchange);
}

/** Return what is known as the rest of a query, such as `&digits=4`. */
export function knownQuery() {
  const query = new URLSearchParams();
  for (const [id, name] of Object.entries(INPUTS)) {
    const value = $(id).value.trim();
    if (value) query.set(name, value);
  }
  const text = query.toString();
  return text && `&${text}`;
}
