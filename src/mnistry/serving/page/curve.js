/** A curve over the steps of training, on a canvas that is as fine as the screen. */

import { css, dark } from "./heat.js";

const MOST = 1500; // points that are kept; beyond, every other one goes

/** Values over steps. */
export class Curve {
  #canvas;
  #how;
  #points = []; // [step, value]

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{low: number, high: number, ticks: number[], log?: boolean,
   *   write: (tick: number) => string, step: (count: number) => string}} how the axis, and how to
   *   write its ticks and a count of steps
   */
  constructor(canvas, how) {
    this.#canvas = canvas;
    this.#how = how;
    new ResizeObserver(() => this.paint()).observe(canvas);
    document.addEventListener("shade", () => this.paint());
    document.addEventListener("words", () => this.paint());
  }

  clear() {
    this.#points = [];
    this.paint();
  }

  /** @param {number} step in batches @param {number} value may be no number, once it diverged */
  add(step, value) {
    this.#points.push([step, value]);
    if (this.#points.length > MOST) this.#points = this.#points.filter((_, i) => i % 2 === 0);
    this.paint();
  }

  paint() {
    const canvas = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const [left, right, top, bottom] = [40, width - 8, 8, height - 20];
    const { low, high, ticks, log, write, step: writeStep } = this.#how;
    const scale = (value) => (log ? Math.log(value) : value);
    const y = (value) => {
      const finite = Number.isFinite(value) ? Math.min(Math.max(value, low), high) : high;
      return bottom - ((bottom - top) * (scale(finite) - scale(low))) / (scale(high) - scale(low));
    };
    const style = getComputedStyle(canvas);
    context.font = `11px ${style.fontFamily}`;
    context.fillStyle = style.getPropertyValue("--quiet");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.lineWidth = 1;
    context.strokeStyle = style.getPropertyValue("--line");
    for (const tick of ticks) {
      const at = Math.round(y(tick)) + 0.5;
      context.beginPath();
      context.moveTo(left, at);
      context.lineTo(right, at);
      context.stroke();
      context.fillText(write(tick), left - 6, at);
    }
    const last = Math.max(this.#points.at(-1)?.[0] ?? 0, 10);
    context.textBaseline = "alphabetic";
    context.fillText(writeStep(last), right, height - 4);
    context.textAlign = "left";
    context.fillText("0", left, height - 4);
    context.beginPath();
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.strokeStyle = css(dark() ? [240, 238, 232] : [26, 26, 26]);
    for (const [step, value] of this.#points) {
      context.lineTo(left + ((right - left) * step) / last, y(value));
    }
    context.stroke();
  }
}
