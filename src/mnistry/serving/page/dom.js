/** Small helpers for the document: find, make, word and announce elements. */

import { t } from "./words.js";

/** @param {string} id @returns {HTMLElement} the element of that id */
export const $ = (id) => document.getElementById(id);

/**
 * Make an element.
 *
 * @param {string} tag
 * @param {object} [properties] `class`, `text`, `on…` handlers; all others are attributes
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
  return element;
}

/**
 * Make an SVG element; its looks are attributes or classes, since the page allows no inline style.
 *
 * @param {string} tag
 * @param {object} attributes
 * @param {...(Node|string)} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Make nodes of text in which `code` and *words to stress* are marked as in Markdown. */
export function rich(text) {
  return text.split(/(`[^`]+`|\*[^*]+\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return h("code", { text: part.slice(1, -1) });
    if (/^\*.+\*$/.test(part)) return h("em", { text: part.slice(1, -1) });
    return document.createTextNode(part);
  });
}

/** Make a paragraph of the word list's text. */
export const p = (key, values, className = "") => h("p", { class: className }, ...rich(t(key, values)));

/** Put the language's words into every element that has `data-t` or `data-t-label`. */
export function wordAll(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.replaceChildren(...rich(t(element.dataset.t)));
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
}

let said = "";
let saying = 0;

/** Tell screen readers, once nothing new has been said for a while: not at every move of a pen. */
export function announce(text, wait = 700) {
  clearTimeout(saying);
  saying = setTimeout(() => {
    if (text === said && wait) return;
    said = text;
    $("announcer").textContent = ""; // what is asked for is said again, though it be the same
    requestAnimationFrame(() => ($("announcer").textContent = text));
  }, wait);
}

/** Whether the person asked their system for little motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Let arrow keys, Home and End move the focus among elements, of which Tab reaches one.
 *
 * @param {HTMLElement} group that holds them and gets the listener
 * @param {() => HTMLElement[]} items in order, row by row
 * @param {number} [columns] how many are in a row; 1 for a list, in which all arrows move by one
 */
export function roving(group, items, columns = 1) {
  group.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    if (at < 0) return;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    let to = by === undefined ? null : at + by;
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = all.length - 1;
    if (to === null || !all[to]) return;
    event.preventDefault();
    all.forEach((item, i) => item.setAttribute("tabindex", i === to ? 0 : -1));
    all[to].focus();
  });
}
