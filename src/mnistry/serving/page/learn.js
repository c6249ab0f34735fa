/** The view that tells the tutorial as a story, with figures that people can touch. */

import { once } from "./api.js";
import { h, wordAll } from "./dom.js";
import { hotFigure, pixelFigure } from "./pixels.js";
import { softmaxFigure } from "./softmax.js";
import * as specimen from "./specimen.js";
import { sumFigure } from "./sums.js";
import { trainingFigure } from "./training.js";
import "./words-learn.js";

const words = (tag, key, properties = {}) => h(tag, { "data-t": key, ...properties });

/** Build the view. @param {HTMLElement} root its tab panel */
export async function start(root) {
  const failed = h("p", { class: "note", role: "status" });
  root.replaceChildren(
    h(
      "div",
      { class: "story" },
      h("header", { class: "opening" }, words("h1", "learn.title"), words("p", "learn.lead", { class: "lead" })),
      section("pixels", 2, pixelFigure()),
      section("hot", 1, hotFigure()),
      section("sums", 3, sumFigure()),
      section("softmax", 3, softmaxFigure()),
      section("training", 4, trainingFigure()),
      section(
        "onward",
        2,
        h(
          "p",
          { class: "links" },
          h("a", { class: "button", href: "#draw", "data-t": "onward.draw" }),
          h("a", { href: "#look", "data-t": "onward.look" }),
        ),
      ),
    ),
    failed,
  );
  wordAll(root); // show the text before any data has arrived
  const load = async () => {
    try {
      await specimen.load();
      failed.textContent = "";
    } catch (error) {
      failed.textContent = error.message;
    }
  };
  document.addEventListener("server-back", load);
  await load();
  once("/tutorial/weights").catch(() => {}); // prefetch
}

/** A section: its heading, its paragraphs `name.1` and so on, and its figure. */
function section(name, paragraphs, figure) {
  const texts = Array.from({ length: paragraphs }, (_, i) => words("p", `${name}.${i + 1}`));
  return h(
    "section",
    { id: `learn-${name}`, "aria-labelledby": `learn-${name}-title` },
    h("div", { class: "prose" }, words("h2", `${name}.title`, { id: `learn-${name}-title` }), ...texts),
    figure,
  );
}
