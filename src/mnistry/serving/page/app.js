/** The page as a whole: its tabs, its language, and light or dark. */

import { $, h, roving, wordAll } from "./dom.js";
import { startDraw } from "./draw.js";
import { language, setLanguage, t } from "./words.js";

const VIEWS = ["draw", "learn", "look", "teach"];
// All views but the first are loaded when they are first opened.
const loads = {
  learn: () => import("./learn.js"), look: () => import("./look.js"), teach: () => import("./teach.js"),
};
const started = new Set(["draw"]);
const begun = Date.now();

/** Show the view that the address names; a view starts when it is first seen. */
async function route() {
  const named = location.hash.slice(1).split("/")[0];
  const view = VIEWS.includes(named) ? named : "draw";
  for (const other of VIEWS) {
    const here = other === view;
    $(`${other}-view`).hidden = !here;
    $(`tab-${other}`).setAttribute("aria-selected", String(here));
    $(`tab-${other}`).setAttribute("tabindex", here ? 0 : -1);
  }
  document.title = view === "draw" ? "mnistry" : `${t(`tab.${view}`)} · mnistry`;
  if (!started.has(view)) {
    started.add(view);
    let loaded;
    try {
      loaded = await loads[view]();
    } catch {
      // The connection broke, or the server has another version of the page by now.
      started.delete(view);
      $(`${view}-view`).replaceChildren(h("p", { role: "alert", text: t("error.reload") }));
      return;
    }
    await loaded.start($(`${view}-view`));
    wordAll($(`${view}-view`));
  }
  document.dispatchEvent(new CustomEvent("view", { detail: view }));
}

function startTabs() {
  const list = document.querySelector("[role=tablist]");
  const tabs = VIEWS.map((view) => $(`tab-${view}`));
  for (const [i, tab] of tabs.entries()) {
    const open = () => {
      if (location.hash !== `#${VIEWS[i]}`) location.hash = VIEWS[i];
    };
    tab.addEventListener("click", () => {
      open();
      scrollTo(0, 0);
    });
    tab.addEventListener("focus", () => {
      if (tab.matches(":focus-visible") && Date.now() - begun > 100) open();
    });
  }
  roving(list, () => tabs);
  addEventListener("hashchange", route);
  // The link to the content must not become the route of a view.
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
}

/** The theme: what the person chose here, else what their system says. */
function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    root.dataset.shade = chosen ?? (system.matches ? "dark" : "light");
    $("theme").setAttribute("aria-label", t(root.dataset.shade === "dark" ? "theme.light" : "theme.dark"));
    $("theme").title = $("theme").getAttribute("aria-label");
    document.dispatchEvent(new Event("shade"));
  };
  system.addEventListener("change", apply);
  document.addEventListener("words", apply);
  $("theme").addEventListener("click", () => {
    const next = root.dataset.shade === "dark" ? "light" : "dark";
    const ofSystem = system.matches ? "dark" : "light";
    if (next === ofSystem) localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
    apply();
  });
  apply();
}

function startLanguage() {
  const chosen = localStorage.getItem("language");
  const theirs = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  const apply = (to) => {
    setLanguage(to);
    document.documentElement.lang = to === "zh" ? "zh-CN" : "en";
    const other = to === "zh" ? "English" : "中文";
    $("language").textContent = other;
    $("language").lang = to === "zh" ? "en" : "zh-CN";
    wordAll();
    document.dispatchEvent(new Event("words"));
  };
  $("language").addEventListener("click", () => {
    const next = language() === "zh" ? "en" : "zh";
    localStorage.setItem("language", next);
    apply(next);
    route();
  });
  apply(chosen ?? theirs);
}

startLanguage();
startTheme();
startTabs();
startDraw();
route();
