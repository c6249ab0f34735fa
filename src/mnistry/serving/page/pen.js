/**
 * The drawing field: strokes of a pen, mouse, finger or the arrow keys, and their ink.
 *
 * Strokes are kept in a square of 280x280 however large the field is on the screen, so that a
 * drawing, its ink and what the model sees do not depend on the screen. Strokes can also be drawn
 * onto an image of 28x28, and an eraser takes ink away from either.
 */

import { colour, css, dark, paintImage } from "./heat.js";
import { announce } from "./dom.js";
import { t } from "./words.js";

/** Side of the field that strokes are kept in, and the pen's width there. */
export const FIELD = 280;
export const NIB = 20;
const RUBBER = 34; // the eraser's width
const SIDE = 28; // pixels of an image below the strokes
const STEP = 8; // of an arrow key; with Shift a quarter of it
const TAP = 5; // a stroke no larger than this is a tap
const NEAR = 48; // pixels of the screen around the field in which a stroke may begin
const CONTROLS = "button, a, input, select, label, summary, dialog";

export class Pen extends EventTarget {
  /** @type {{points: number[][], erases: boolean}[]} points are [x, y] in [0, 280] */
  strokes = [];
  /** 784 bytes below the strokes, or null */
  picture = null;
  /** Whether new strokes take ink away. */
  erasing = false;
  /** Called with the point of a tap; returns true if the tap selects something and draws no dot. @type {(point: number[]) => boolean} */
  ontap = () => false;

  #canvas;
  #ink = Object.assign(document.createElement("canvas"), { width: FIELD, height: FIELD });
  #inkContext = this.#ink.getContext("2d", { willReadFrequently: true });
  #stroke = null; // under the pen just now
  #pointer = null;
  #outside = null; // the newest event of a pointer that went down beside the field
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
    document.addEventListener("pointerdown", (event) => this.#downOutside(event));
    document.addEventListener("pointermove", (event) => this.#moveOutside(event));
    for (const end of ["pointerup", "pointercancel"]) {
      document.addEventListener(end, () => (this.#outside = null));
    }
    // A drag that begins beside the field would select text on its way in.
    document.addEventListener("mousedown", (event) => this.#outside && event.preventDefault());
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

  /** @returns {Promise<Blob>} the drawing as PNG, black on white, 280x280 */
  toBlob() {
    const paper = Object.assign(document.createElement("canvas"), { width: FIELD, height: FIELD });
    const context = paper.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, FIELD, FIELD);
    context.drawImage(this.#ink, 0, 0);
    return new Promise((done) => paper.toBlob(done, "image/png"));
  }

  undo() {
    if (this.blank) return;
    this.#stroke = null;
    if (this.strokes.length) this.strokes.pop();
    else this.picture = null;
    this.dispatchEvent(new Event("undo"));
    this.#redone();
  }

  clear() {
    this.#stroke = null;
    this.picture = null;
    this.strokes = [];
    this.#redone();
  }

  /** Show an image in place of a drawing; strokes can be drawn onto it. @param {Uint8Array} image 784; 0 = paper, 255 = ink */
  hang(image) {
    this.#stroke = null;
    this.strokes = [];
    this.picture = image;
    this.#redone();
  }

  #down(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    event.preventDefault();
    this.#take(event.pointerId);
    this.#begin(this.#place(event));
  }

  #take(pointer) {
    this.#canvas.classList.add("by-pointer"); // who draws by hand needs no mark of the focus
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(pointer);
    this.#pointer = pointer;
    this.#cursor = null;
  }

  /** Remember a pointer that goes down close to the field, since it may move into it. */
  #downOutside(event) {
    this.#outside = null;
    if (event.button !== 0 || this.#pointer !== null || event.target === this.#canvas) return;
    if (event.target.closest?.(CONTROLS) || !this.#canvas.clientWidth) return;
    if (this.#distance(event) <= NEAR) this.#outside = event;
  }

  #moveOutside(event) {
    if (event.pointerId !== this.#outside?.pointerId) return;
    if (this.#distance(event) > 0) {
      this.#outside = event;
      return;
    }
    const edge = this.#place(this.#outside);
    this.#outside = null;
    if (this.#pointer !== null) return;
    this.#take(event.pointerId);
    this.#begin(edge);
    this.#move(event);
  }

  /** Return the distance of an event from the field, in pixels of the screen; 0 inside. */
  #distance({ clientX, clientY }) {
    const { left, right, top, bottom } = this.#canvas.getBoundingClientRect();
    return Math.max(left - clientX, clientX - right, top - clientY, clientY - bottom, 0);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer || !this.#stroke) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#add(this.#place(each));
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    const stroke = this.#stroke;
    this.#pointer = null;
    this.#stroke = null;
    if (!stroke || event.type !== "pointerup") return;
    const [from] = stroke.points;
    const far = Math.max(...stroke.points.map(([x, y]) => Math.hypot(x - from[0], y - from[1])));
    if (far > TAP || !this.ontap(from)) return;
    this.strokes = this.strokes.filter((other) => other !== stroke);
    this.#redone();
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
    this.#stroke = { points: [point], erases: this.erasing };
    this.strokes.push(this.#stroke);
    this.dispatchEvent(new Event("begin"));
    this.#changed([point]);
  }

  #add(point) {
    const { points } = this.#stroke;
    const last = points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.5) return;
    points.push(point);
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
    trace(this.#inkContext, line, this.#stroke.erases, "#000");
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  /** Put all ink down anew, as it was put down at first: piece by piece. */
  #redone() {
    this.#inkContext.clearRect(0, 0, FIELD, FIELD);
    if (this.picture) {
      const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      const levels = new ImageData(SIDE, SIDE);
      this.picture.forEach((level, i) => (levels.data[4 * i + 3] = level));
      small.getContext("2d").putImageData(levels, 0, 0);
      this.#inkContext.imageSmoothingEnabled = false;
      this.#inkContext.drawImage(small, 0, 0, FIELD, FIELD);
    }
    for (const { points, erases } of this.strokes) {
      trace(this.#inkContext, [points[0]], erases, "#000");
      for (let i = 1; i < points.length; i++) {
        trace(this.#inkContext, [points[i - 1], points[i]], erases, "#000");
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
    for (const { points, erases } of this.strokes) trace(context, points, erases, ink);
    if (this.#cursor) {
      context.beginPath();
      context.arc(...this.#cursor, (this.erasing ? RUBBER : NIB) / 2 + 3, 0, 2 * Math.PI);
      context.lineWidth = this.#stroke ? 4 : 2;
      context.strokeStyle = css(colour(0.7));
      context.stroke();
    }
  }
}

/** Draw a line through points, or a dot: browsers draw nothing for a line without length. */
function trace(context, points, erases, ink) {
  const width = erases ? RUBBER : NIB;
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  context.beginPath();
  if (points.length === 1) {
    context.fillStyle = ink;
    context.arc(...points[0], width / 2, 0, 2 * Math.PI);
    context.fill();
  } else {
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = ink;
    context.moveTo(...points[0]);
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

function clip(value) {
  return Math.min(Math.max(value, 0), FIELD);
}
