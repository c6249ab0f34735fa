/** The table of labels and answers, whose cells open their pictures. */

import { h, roving } from "./dom.js";
import { count, t } from "./words.js";

/**
 * Make the table.
 *
 * @param {number[]} labels
 * @param {number[]} answers as many
 * @param {(label: number, answer: number) => void} onpick
 * @returns {HTMLTableElement}
 */
export function confusionTable(labels, answers, onpick) {
  const cells = Array.from({ length: 10 }, () => new Array(10).fill(0));
  labels.forEach((label, i) => (cells[label][answers[i]] += 1));
  const most = Math.max(1, ...cells.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const buttons = [];
  const body = cells.map((row, label) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", text: label }),
      ...row.map((number, answer) => {
        const button = h("button", {
          type: "button",
          text: number ? count(number) : "·",
          tabindex: buttons.length ? -1 : 0,
          "aria-label": t("confusion.cell", { label, answer, count: count(number) }),
          "data-label": label,
          "data-answer": answer,
          onclick: () => onpick(label, answer),
        });
        buttons.push(button);
        const cell = h("td", { class: label === answer ? "right" : "" }, button);
        // Roots, so that rare confusions are seen beside common ones.
        if (label !== answer) cell.style.setProperty("--share", String(Math.sqrt(number / most)));
        return cell;
      }),
    ),
  );
  const heads = Array.from({ length: 10 }, (_, answer) => h("th", { scope: "col", text: answer }));
  const table = h(
    "table",
    { class: "confusion", id: "confusion" },
    h("caption", { text: t("confusion.caption") }),
    h("thead", {}, h("tr", {}, h("td", {}), ...heads)),
    h("tbody", {}, ...body),
  );
  roving(table, () => buttons, 10);
  return table;
}
