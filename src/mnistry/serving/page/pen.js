/**
 * The drawing field: strokes of a pen, mouse, finger or the arrow keys, and their ink.
 *
 * Strokes are kept in a square of 280x280 however large the field is on the screen, so that a
 * drawing, its ink and what the model sees do not depend on the screen.
 */

import { colour, css, dark, paintImage } from "./heat.js";
import { announce } from "./dom.js";
import { t } from "./words.js";

/** Side of the field that strokes are kept in, and the pen's width there. */
export const FIELD = 280;
export const NIB = 20;
const STEP = 8; // of an arrow key; with Shift a quarter of it
const APART = 14; // paper between two digits, in units of the field

export class Pen extends EventTarget {
  /** @type {number[][][]} of points [x, y] in [0, 280] */
  strokes = [];
  /** 784 bytes that are shown in place of strokes, or null */
  picture = null;

  #canvas;
  #ink = Object.assign(document.createElement("canvas"), { width: FIELD, height: FIELD });
  #inkContext = this.#ink.getContext("2d", { willReadFrequently: true });
  #stroke = null; // under the pen just now
  #pointer = null;
  #cursor = null; // where the arrow keys are, or null
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas; "begin" is sent when a stroke begins, "undo" when
   *   one is taken back, "change" whenever the drawing has changed */
  constructor(canvas) {
    super();
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => this.#up(event));
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => this.#endKeys());
    canvas.addEventListener("focus", () => this.#show());
    // Some browsers scroll or zoom on touch in spite of touch-action.
    canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    new ResizeObserver(() => this.#show()).observe(canvas);
    document.addEventListener("shade", () => this.#show());
  }

  get blank() {
    return this.strokes.length === 0 && this.picture === null;
  }

  /** @returns {Float64Array} 280*280 in [0, 1]; 0 = paper */
  ink() {
    const { data } = this.#inkContext.getImageData(0, 0, FIELD, FIELD);
    const ink = new Float64Array(FIELD * FIELD);
    for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3] / 255;
    return ink;
  }

  undo() {
    if (this.blank) return;
    this.#stroke = null;
    if (this.picture) this.picture = null;
    else this.strokes.pop();
    this.dispatchEvent(new Event("undo"));
    this.#redone();
  }

  clear() {
    this.#stroke = null;
    this.picture = null;
    this.strokes = [];
    this.#redone();
  }

  /** Show a picture in place of a drawing. @param {Uint8Array} image 784; 0 = paper, 255 = ink */
  hang(image) {
    this.#stroke = null;
    this.strokes = [];
    this.picture = image;
    this.#redone();
  }

  /** @returns {number} how many digits seem to stand side by side, with paper in between */
  get apart() {
    const spans = this.strokes.map((stroke) => {
      const xs = stroke.map(([x]) => x);
      const ys = stroke.map(([, y]) => y);
      return [Math.min(...xs), Math.max(...xs), Math.max(...ys) - Math.min(...ys)];
    });
    spans.sort((a, b) => a[0] - b[0]);
    const groups = [];
    for (const [left, right, tall] of spans) {
      const last = groups.at(-1);
      if (last && left - NIB - APART < last.right) {
        last.right = Math.max(last.right, right);
        last.tall = Math.max(last.tall, tall);
      } else groups.push({ right, tall });
    }
    const tallest = Math.max(0, ...groups.map(({ tall }) => tall));
    return groups.filter(({ tall }) => tall > tallest / 3).length;
  }

  #down(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    event.preventDefault();
    this.#canvas.classList.add("by-pointer"); // who draws by hand needs no mark of the focus
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#cursor = null;
    this.#begin(this.#place(event));
  }

  #move(event) {
    if (event.pointerId !== this.#pointer || !this.#stroke) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#add(this.#place(each));
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#stroke = null;
  }

  #key(event) {
    this.#canvas.classList.remove("by-pointer");
    const step = event.shiftKey ? STEP / 4 : STEP;
    const [dx, dy] = {
      ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
    }[event.key] ?? [0, 0];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (dx || dy) {
      const [x, y] = this.#cursor ?? [FIELD / 2, FIELD / 4];
      this.#cursor = [clip(x + dx), clip(y + dy)];
      if (this.#stroke) this.#add(this.#cursor);
      this.#show();
    } else if (event.key === " ") {
      this.#cursor ??= [FIELD / 2, FIELD / 4];
      if (this.#stroke) this.#stroke = null;
      else this.#begin(this.#cursor);
      announce(t(this.#stroke ? "pen.down" : "pen.up"), 0);
      this.#show();
    } else if (event.key === "Backspace") this.undo();
    else if (event.key === "Delete" || event.key === "Escape") this.clear();
    else return;
    event.preventDefault();
  }

  #endKeys() {
    if (this.#pointer === null) this.#stroke = null;
    this.#cursor = null;
    this.#canvas.classList.remove("by-pointer");
    this.#show();
  }

  #begin(point) {
    if (this.picture) this.clear();
    this.#stroke = [point];
    this.strokes.push(this.#stroke);
    this.dispatchEvent(new Event("begin"));
    this.#changed([point, point]);
  }

  #add(point) {
    const last = this.#stroke.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.5) return;
    this.#stroke.push(point);
    this.#changed([last, point]);
  }

  /** Where in the field an event is. */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [
      Math.round(clip(((event.clientX - box.left) / box.width) * FIELD) * 10) / 10,
      Math.round(clip(((event.clientY - box.top) / box.height) * FIELD) * 10) / 10,
    ];
  }

  #changed(line) {
    trace(this.#inkContext, line, "#000");
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  /** Put all ink down anew, as it was put down at first: piece by piece. */
  #redone() {
    this.#inkContext.clearRect(0, 0, FIELD, FIELD);
    for (const stroke of this.strokes) {
      trace(this.#inkContext, [stroke[0], stroke[0]], "#000");
      for (let i = 1; i < stroke.length; i++) {
        trace(this.#inkContext, [stroke[i - 1], stroke[i]], "#000");
      }
    }
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #show() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const canvas = this.#canvas;
    const side = Math.round(canvas.clientWidth * (devicePixelRatio || 1));
    if (!side) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, side, side);
    if (this.picture) {
      const small = Object.assign(document.createElement("canvas"), { width: 28, height: 28 });
      paintImage(small.getContext("2d"), this.picture);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, side, side);
    }
    context.scale(side / FIELD, side / FIELD);
    const ink = dark() ? "#f0eee8" : "#1a1a1a";
    for (const stroke of this.strokes) {
      trace(context, stroke.length > 1 ? stroke : [stroke[0], stroke[0]], ink);
    }
    if (this.#cursor) {
      context.beginPath();
      context.arc(...this.#cursor, NIB / 2 + 3, 0, 2 * Math.PI);
      context.lineWidth = this.#stroke ? 4 : 2;
      context.strokeStyle = css(colour(0.7));
      context.stroke();
    }
  }
}

function trace(context, points, ink) {
  context.beginPath();
  context.lineWidth = NIB;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = ink;
  context.moveTo(...points[0]);
  for (const point of points.slice(1)) context.lineTo(...point);
  context.stroke();
}

function clip(value) {
  return Math.min(Math.max(value, 0), FIELD);
}
