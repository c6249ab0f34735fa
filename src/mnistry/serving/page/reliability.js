/** Are the probabilities true? What a model claims against how often it is right, with counts. */

import { h, svg } from "./dom.js";
import { count, percent, t } from "./words.js";

const [SIZE, LEFT, TOP] = [260, 46, 10]; // of the square, and where it is
const TICKS = [0.5, 0.9, 0.99, 0.999, 0.9999];
const [LOW, HIGH] = [0.4, 0.99997]; // of both axes, or lower where a point is

/**
 * Draw the diagram. Its axes are those of log-odds: most claims are near 100%, and whether 99% or
 * 99.9% is claimed is as great a difference as between 90% and 99%.
 *
 * @param {{confidence: number[], accuracy: number[], pictures: number[]}} found 15 bins each
 * @returns {HTMLElement}
 */
export function reliabilityDiagram({ confidence, accuracy, pictures }) {
  const full = [...pictures.keys()].filter((i) => pictures[i] > 0);
  const low = Math.min(LOW, ...full.flatMap((i) => [confidence[i], accuracy[i]]).filter((s) => s > 0));
  const along = (share) => {
    const inside = Math.min(Math.max(share, low), HIGH);
    return (odds(inside) - odds(low)) / (odds(HIGH) - odds(low));
  };
  const x = (share) => LEFT + SIZE * along(share);
  const y = (share) => TOP + SIZE * (1 - along(share));
  const drawing = svg("svg", {
    viewBox: `0 0 ${LEFT + SIZE + 12} ${TOP + SIZE + 24}`, role: "img", class: "reliability",
    "aria-label": t("reliability.label"), id: "reliability",
  });
  for (const tick of TICKS) {
    const text = `${Number((100 * tick).toFixed(2))}%`;
    drawing.append(
      svg("line", { x1: LEFT, x2: LEFT + SIZE, y1: y(tick), y2: y(tick), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, text),
      svg("text", { x: x(tick), y: TOP + SIZE + 18, "text-anchor": "middle" }, text),
    );
  }
  drawing.append(svg("text", { x: LEFT - 6, y: TOP + 4, "text-anchor": "end" }, "100%")); // as good as
  drawing.append(svg("line", { x1: x(low), y1: y(low), x2: x(HIGH), y2: y(HIGH), class: "diagonal" }));
  for (const i of full) {
    const [from, to] = interval(accuracy[i], pictures[i]);
    const title = t("reliability.bin", {
      claimed: percent(confidence[i], 2), right: percent(accuracy[i], 2), count: count(pictures[i]),
    });
    const at = x(confidence[i]);
    drawing.append(
      svg(
        "g",
        {},
        svg("title", {}, title),
        svg("line", { x1: at, x2: at, y1: y(from), y2: y(to), class: "interval" }),
        svg("circle", { cx: at, cy: y(accuracy[i]), r: 4.5, class: "point" }),
      ),
    );
  }
  const rows = full.map((i) =>
    h("tr", {}, ...[percent(confidence[i], 2), percent(accuracy[i], 2), count(pictures[i])].map((text) => h("td", { text }))),
  );
  const heads = ["reliability.claimed", "reliability.right", "reliability.count"];
  return h(
    "div",
    {},
    drawing,
    h("div", { class: "unseen" }, h(
      "table",
      {},
      h("caption", { text: t("reliability.label") }),
      h("tbody", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col", text: t(key) }))), ...rows),
    )),
  );
}

const odds = (share) => Math.log(share / (1 - share));

/** Wilson's 95% interval of a share of n. */
function interval(share, n) {
  const z = 1.96;
  const middle = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const whole = 1 + (z * z) / n;
  return [(middle - half) / whole, (middle + half) / whole];
}
