/** Pages of small pictures: only those of the page that is seen are fetched and drawn. */

import { pictures } from "./api.js";
import { h, roving } from "./dom.js";
import { paintImage } from "./heat.js";
import { count, t } from "./words.js";

const PAGE = 96;

export class Sprites {
  /** The element to put on the page */
  element;
  #grid = h("div", { class: "sprites", id: "pictures", role: "group", "data-t-label": "look.pictures" });
  #before = h("button", { type: "button", id: "page-before", "data-t": "page.before" });
  #after = h("button", { type: "button", id: "page-after", "data-t": "page.after" });
  #where = h("span", { class: "number", id: "page", role: "status" });
  #said = h("p", { class: "note", role: "status" });
  #indices = [];
  #page = 0;
  #describe;
  #onpick;
  #asked = 0;
  #images = [];

  /**
   * @param {(index: number) => {short: string, sure: string, long: string, wrong: boolean}}
   *   describe a picture of the test split: what stands below it, what is read aloud
   * @param {(index: number, image: Uint8Array) => void} onpick
   */
  constructor(describe, onpick) {
    this.#describe = describe;
    this.#onpick = onpick;
    this.#before.addEventListener("click", () => this.#turn(this.#page - 1));
    this.#after.addEventListener("click", () => this.#turn(this.#page + 1));
    roving(this.#grid, () => [...this.#grid.children]);
    this.element = h(
      "div",
      {},
      h("div", { class: "pager" }, this.#before, this.#where, this.#after),
      this.#said,
      this.#grid,
    );
    document.addEventListener("shade", () => this.#paint());
    document.addEventListener("words", () => this.#turn(this.#page));
  }

  /** Show the first page of these. @param {number[]} indices into the test split */
  show(indices) {
    this.#indices = indices;
    return this.#turn(0);
  }

  async #turn(page) {
    this.#page = page;
    const from = page * PAGE;
    const all = this.#indices.length;
    const shown = this.#indices.slice(from, from + PAGE);
    this.#before.disabled = page === 0;
    this.#after.disabled = from + PAGE >= all;
    this.#where.textContent = all
      ? t("page", { from: count(from + 1), to: count(from + shown.length), all: count(all) })
      : t("page.none");
    const asked = ++this.#asked;
    this.#grid.classList.add("waiting");
    try {
      const images = await pictures("test", shown);
      if (asked !== this.#asked) return; // another page is wanted by now
      this.#images = images;
      this.#said.textContent = "";
    } catch (error) {
      this.#said.textContent = error.message;
      return;
    }
    this.#grid.classList.remove("waiting");
    this.#grid.replaceChildren(
      ...shown.map((index, i) => {
        const { short, sure, long, wrong } = this.#describe(index);
        return h(
          "button",
          {
            type: "button", class: wrong ? "sprite wrong" : "sprite", title: long, "aria-label": long,
            tabindex: i ? -1 : 0, "data-index": index,
            onclick: () => this.#onpick(index, this.#images[i]),
          },
          h("canvas", { width: 28, height: 28 }),
          h("span", { text: short }),
          h("small", { text: sure }),
        );
      }),
    );
    this.#paint();
  }

  #paint() {
    [...this.#grid.children].forEach((sprite, i) => {
      if (this.#images[i]) paintImage(sprite.querySelector("canvas").getContext("2d"), this.#images[i]);
    });
  }
}
