// The page of the OpenAPI document: every address, what it takes and what it answers.

import { json } from "./api.js";
import { $ } from "./dom.js";

/** Make an element with a class, a text and children. */
function make(name, className = "", text = "", ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  element.append(...children);
  return element;
}

/** Show a schema as JSON; references stay names. */
function shown(schema) {
  const plain = (key, value) => (value && value.$ref ? value.$ref.split("/").pop() : value);
  return make("pre", "", JSON.stringify(schema, plain, 1));
}

function rows(head, cells) {
  const table = make("table");
  table.append(make("tr", "", "", ...head.map((text) => make("th", "", text))));
  for (const row of cells) {
    table.append(make("tr", "", "", ...row.map((text) => make("td", "", String(text)))));
  }
  return table;
}

function operation(path, method, told, responses) {
  const box = make("details");
  box.append(make("summary", "", "",
    make("span", "method", method.toUpperCase()), make("span", "path", path),
    make("span", "about", told.summary)));
  if (told.parameters) {
    box.append(rows(["", "where", "what"],
      told.parameters.map((p) => [p.name, p.in, p.description ?? ""])));
  }
  for (const [kind, { schema }] of Object.entries(told.requestBody?.content ?? {})) {
    box.append(make("p", "", `Takes ${kind}`), shown(schema));
  }
  const answers = Object.entries(told.responses).map(([status, answer]) =>
    [status, (answer.$ref ? responses[answer.$ref.split("/").pop()] : answer).description]);
  box.append(rows(["answers", ""], answers));
  return box;
}

function show({ info, paths, components }) {
  $("about").textContent = info.description;
  $("operations").replaceChildren(
    ...Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]) => operation(path, method, one, components.responses))),
  );
  $("schemas").replaceChildren(
    ...Object.entries(components.schemas).map(([name, schema]) =>
      make("details", "", "", make("summary", "path", name), shown(schema))),
  );
}

async function load() {
  $("trouble").hidden = true;
  try {
    show(await json("/openapi.json"));
  } catch (error) {
    if (error.status === 0 || error.status === 401) return; // those have a banner
    $("trouble").textContent = error.message;
    $("trouble").hidden = false;
  }
}

document.addEventListener("server-back", load); // or the key is there
load();
