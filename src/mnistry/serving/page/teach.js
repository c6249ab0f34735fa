/** The view of what people corrected: kept on this machine, to learn from. */

import { ask, json } from "./api.js";
import { $, announce, h, wordAll } from "./dom.js";
import { paintImage } from "./heat.js";
import { count, date, modelName, t } from "./words.js";
import "./words-teach.js";

const COMMAND = "mnistry train --data corrections";
let found = { corrections: [], count: 0 };

/** Build the view. @param {HTMLElement} root its tab panel */
export async function start(root) {
  const download = (kind) =>
    h("a", {
      href: `/corrections.${kind}`, download: `corrections.${kind}`, class: "button", id: `export-${kind}`,
      "data-t": `teach.${kind}`,
      onclick: (event) => {
        event.preventDefault();
        save(kind);
      },
    });
  root.replaceChildren(
    h(
      "div",
      { class: "prose" },
      h("h1", { "data-t": "teach.title" }),
      h("p", { class: "lead", "data-t": "teach.lead" }),
      h("p", { "data-t": "teach.stay" }),
      h("p", { "data-t": "teach.learn" }),
      h(
        "div",
        { class: "command" },
        h("code", { id: "command", text: COMMAND }),
        h("button", { type: "button", id: "copy", "data-t": "copy", onclick: copy }),
      ),
      h("p", { class: "links" }, download("parquet"), download("zip")),
      h("p", { class: "note", id: "teach-said", role: "status" }),
    ),
    h("h2", { id: "teach-count" }),
    h("ul", { class: "corrections", id: "corrections" }),
  );
  wordAll(root);
  document.addEventListener("words", show);
  document.addEventListener("shade", show);
  document.addEventListener("corrected", load);
  document.addEventListener("server-back", load);
  document.addEventListener("view", ({ detail }) => detail === "teach" && load());
}

async function load() {
  try {
    found = await json("/corrections");
    $("teach-said").textContent = "";
  } catch (error) {
    $("teach-said").textContent = error.message;
  }
  show();
}

function show() {
  const { corrections } = found;
  $("teach-count").textContent = found.count
    ? t(found.count === 1 ? "teach.one" : "teach.count", { count: count(found.count) })
    : t("teach.none");
  $("corrections").replaceChildren(...corrections.map(item));
  for (const kind of ["parquet", "zip"]) {
    $(`export-${kind}`).setAttribute("aria-disabled", String(!found.count));
  }
}

function item(correction) {
  const { id, label, answer, model, at, image } = correction;
  const canvas = h("canvas", { width: 28, height: 28 });
  paintImage(canvas.getContext("2d"), image);
  const values = { label, answer, date: date(at), model: modelName({ name: model, kind: model }) };
  const known = model && answer !== null && answer !== undefined;
  const note = t(known ? "teach.item.answer" : "teach.item", values);
  return h(
    "li",
    { "data-id": id },
    canvas,
    h("span", {}, h("b", { text: t("teach.right", { label }) }), h("span", { class: "note", text: note })),
    h("button", {
      type: "button", class: "quiet delete", text: t("delete"), "aria-label": t("teach.delete", values),
      onclick: () => remove(id),
    }),
  );
}

async function remove(id) {
  try {
    await json(`/corrections/${encodeURIComponent(id)}`, undefined, { method: "DELETE" });
    announce(t("teach.deleted"), 0);
  } catch (error) {
    $("teach-said").textContent = error.message;
  }
  await load();
  ($("corrections").querySelector("button") ?? $("main")).focus();
}

/** By fetch, so that a key is sent along. */
async function save(kind) {
  if (!found.count) return;
  try {
    const blob = await (await ask(`/corrections.${kind}`)).blob();
    const link = h("a", { href: URL.createObjectURL(blob), download: `corrections.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    $("teach-said").textContent = error.message;
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText(COMMAND);
    $("copy").textContent = t("copied");
    setTimeout(() => ($("copy").textContent = t("copy")), 2000);
  } catch {
    getSelection().selectAllChildren($("command")); // the browser lets only the person copy
  }
}
