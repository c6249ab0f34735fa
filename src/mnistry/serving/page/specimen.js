/** The picture that the story looks at: one of MNIST's training pictures, and its label. */

import { once, pictures } from "./api.js";

const FIRST = 1; // a training picture that softmax regression gets right: the story is about that

/** @type {{image: Uint8Array, label: number, index: number} | null} 784; 0 = paper, 255 = ink */
export let specimen = null;
const events = new EventTarget();
let labels = [];

/** Call back with the picture, now if there is one and whenever there is another. */
export function onSpecimen(callback) {
  events.addEventListener("change", () => callback(specimen));
  if (specimen) callback(specimen);
}

/** Fetch the labels and the first picture. */
export async function load() {
  ({ labels } = await once("/data/train/labels"));
  if (!specimen) await take(FIRST);
}

/** Take another picture. @param {number} [label] that it is to have; any if left out */
export async function another(label) {
  if (!labels.length) await load();
  const fitting = [];
  labels.forEach((each, i) => {
    if (label === undefined || each === label) fitting.push(i);
  });
  await take(fitting[Math.floor(Math.random() * fitting.length)]);
}

async function take(index) {
  const [image] = await pictures("train", [index]);
  specimen = { image, label: labels[index], index };
  events.dispatchEvent(new Event("change"));
}
