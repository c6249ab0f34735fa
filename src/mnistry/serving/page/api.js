/** The server: every request goes through here, which knows the key, patience and kind words. */

import { said, t } from "./words.js";
import { $, h, wordAll } from "./dom.js";

const KEY = "key"; // of sessionStorage
const PLAIN = /^[\x20-\x7e]+$/; // what every key is, and what a header may hold
const AGAIN = 3000; // milliseconds until a server that is gone is asked again

/** What the server answered in place of what was asked for; its message may be shown. */
export class ServerError extends Error {
  constructor(sentence, status) {
    super();
    this.sentence = sentence;
    this.status = status;
  }

  /** In the language of now. */
  get message() {
    return said(this.sentence);
  }
}

/**
 * Ask the server; wait and ask again while it has too much to do.
 *
 * @param {string} path
 * @param {RequestInit & {attempts?: number, onbusy?: () => void}} [options] how often to ask, and
 *   what to call when the server has too much to do
 * @returns {Promise<Response>} of a good status
 * @throws {ServerError} with one sentence
 */
export async function ask(path, { attempts = 6, onbusy, ...options } = {}) {
  for (let attempt = 0; ; attempt++) {
    const key = sessionStorage.getItem(KEY) ?? "";
    const headers = new Headers(options.headers);
    if (PLAIN.test(key)) headers.set("Authorization", `Bearer ${key}`);
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      gone();
      throw new ServerError(t("error.gone"), 0);
    }
    back();
    if (response.ok) return response;
    if (response.status === 503 && attempt + 1 < attempts) {
      onbusy?.();
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((done) => setTimeout(done, 1000 * seconds));
      continue;
    }
    if (response.status === 401) {
      askKey(Boolean(key));
      throw new ServerError(t("error.key"), 401);
    }
    throw new ServerError(await sentence(response), response.status);
  }
}

/** Ask for JSON, GET or, with a body, POST. */
export async function json(path, body, options = {}) {
  if (body !== undefined) {
    options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      ...options,
    };
  }
  const response = await ask(path, options);
  return response.status === 204 ? null : response.json();
}

/** Ask for bytes. @returns {Promise<Uint8Array>} */
export const bytes = async (path) => new Uint8Array(await (await ask(path)).arrayBuffer());

/**
 * What a model says of one picture.
 *
 * @param {string} model
 * @param {Uint8Array} image 784; 0 = paper, 255 = ink
 * @returns {Promise<{probabilities: number[], logits: number[], p_values: number[],
 *   typicality: number}>} 10 each, but for typicality
 */
export async function infer(model, image) {
  const answer = await json(`/v2/models/${encodeURIComponent(model)}/infer`, {
    inputs: [{ name: "images", datatype: "UINT8", shape: [1, 28, 28], data: Array.from(image) }],
  });
  const found = {};
  for (const output of answer.outputs) found[output.name] = output.data;
  return { ...found, typicality: found.typicality?.[0] ?? 1 };
}

const kept = new Map();

/** Ask once for what does not change while the page is open; a failure is not kept. */
export function once(path, get = json) {
  if (!kept.has(path)) {
    const promise = get(path);
    kept.set(path, promise);
    promise.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

/** Ask for the models once more: some may have come or gone, with all that was known of them. */
export async function modelsAnew() {
  const before = await (kept.get("/models") ?? null);
  kept.delete("/models");
  const now = await once("/models");
  if (JSON.stringify(now) !== JSON.stringify(before)) {
    for (const path of kept.keys()) if (path.startsWith("/models/")) kept.delete(path);
  }
  return now;
}

/** The models that take pictures of MNIST's size, the latest version of each. */
export function latest({ models }) {
  const fitting = models.filter(({ shape, ready }) => ready !== false && String(shape) === "28,28");
  return [...new Map(fitting.map((one) => [one.name, one])).values()];
}

/** Ask for pictures. @returns {Promise<Uint8Array[]>} of 784 each; 0 = paper, 255 = ink */
export async function pictures(split, indices) {
  if (indices.length === 0) return [];
  const all = await bytes(`/data/${split}/images?indices=${indices.join(",")}`);
  return indices.map((_, i) => all.subarray(784 * i, 784 * (i + 1)));
}

/**
 * Work on the newest only: while one is under way, of those that come all but the last are let go.
 *
 * @param {(item: any) => Promise<void>} work
 * @returns {(item: any) => void}
 */
export function newest(work) {
  let busy = false;
  let next = null;
  return async (item) => {
    next = { item };
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const { item: now } = next;
        next = null;
        await work(now, () => next !== null);
      }
    } finally {
      busy = false;
    }
  };
}

/** A sentence of an answer that is no success. */
async function sentence(response) {
  try {
    const { error } = await response.json();
    if (typeof error === "string" && error) return error;
  } catch {
    // It was no JSON, and so is not meant for people.
  }
  return t(response.status === 503 ? "error.busy" : "error.failed", { status: response.status });
}

let retrying = 0;

function gone() {
  const banner = $("banner");
  banner.hidden = false;
  banner.replaceChildren(t("error.gone"));
  if (retrying) return;
  retrying = setInterval(async () => {
    try {
      await fetch("/v2/health/live", { cache: "no-store" });
    } catch {
      return;
    }
    back();
    document.dispatchEvent(new Event("server-back"));
  }, AGAIN);
}

function back() {
  if (!retrying) return;
  clearInterval(retrying);
  retrying = 0;
  $("banner").hidden = true;
}

function askKey(wrong) {
  const banner = $("banner");
  if (banner.querySelector("form")) return;
  const field = h("input", { type: "password", id: "key", autocomplete: "off", required: true });
  const label = h("label", { for: "key", "data-t": wrong ? "key.wrong" : "key.ask" });
  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        const key = field.value.trim();
        if (!PLAIN.test(key)) {
          label.dataset.t = "key.wrong";
          wordAll(form);
          field.focus();
          return;
        }
        sessionStorage.setItem(KEY, key);
        kept.clear();
        banner.replaceChildren();
        banner.hidden = true;
        $("main").focus();
        document.dispatchEvent(new Event("server-back"));
      },
    },
    label,
    field,
    h("button", { type: "submit", "data-t": "key.use" }),
  );
  wordAll(form);
  banner.replaceChildren(form);
  banner.hidden = false;
  if (wrong) field.focus();
}
