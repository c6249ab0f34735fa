/**
 * Pictures of 28x28 on a canvas: ink on paper, and maps in red and blue.
 *
 * The colours are those of the package's figures (ColorBrewer's RdBu, which colour-blind readers can
 * tell apart): blue speaks for, red against, and zero is the paper. In the dark theme zero is dark
 * and what is strong is bright, or a map would be a lamp in a dark room.
 */

const SIDE = 28;
const LIGHT = {
  paper: [255, 255, 255],
  ink: [26, 26, 26],
  for: [[209, 229, 240], [146, 197, 222], [75, 149, 200], [33, 102, 172], [13, 59, 119]],
  against: [[253, 219, 199], [244, 165, 130], [221, 107, 85], [192, 36, 58], [142, 15, 38]],
};
const DARK = {
  paper: [29, 31, 34],
  ink: [240, 238, 232],
  for: [[32, 52, 72], [35, 82, 124], [48, 120, 180], [92, 165, 222], [176, 216, 246]],
  against: [[66, 37, 36], [112, 44, 44], [168, 58, 56], [226, 104, 84], [250, 188, 160]],
};

/** @returns {boolean} whether the page is dark now */
export const dark = () => document.documentElement.dataset.shade === "dark";
const palette = () => (dark() ? DARK : LIGHT);

/** @param {number[]} rgb @returns {string} a CSS colour */
export const css = ([r, g, b]) => `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;

/**
 * The colour of a number.
 *
 * @param {number} value in [-1, 1]; beyond is cut
 * @returns {number[]} rgb, each in [0, 255]
 */
export function colour(value) {
  const { paper, for: blue, against } = palette();
  const stops = [paper, ...(value > 0 ? blue : against)];
  const at = Math.min(Math.abs(value), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  return mix(stops[i], stops[i + 1], at - i);
}

/**
 * Paint ink on paper.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} image 784; 0 = paper, 255 = ink
 * @param {number} [left] where on the canvas, in its pixels
 * @param {number} [top]
 */
export function paintImage(context, image, left = 0, top = 0) {
  const { paper, ink } = palette();
  paint(context, left, top, (i) => mix(paper, ink, image[i] / 255));
}

/**
 * Paint a map in red and blue, over a shadow of the picture that it is about.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} map 784 numbers; positive speaks for
 * @param {number} reach the size that has the deepest colour
 * @param {ArrayLike<number>} [under] 784; 0 = paper, 255 = ink
 */
export function paintMap(context, map, reach, under = null) {
  const { ink } = palette();
  paint(context, 0, 0, (i) => {
    const strength = Math.min(Math.abs(map[i]) / reach, 1);
    const shown = colour(map[i] / reach);
    return under ? mix(shown, ink, (0.16 * (1 - strength) * under[i]) / 255) : shown;
  });
}

/**
 * A scale's end: 98% of what is not zero is within, lest the rest make it pale.
 *
 * @param {ArrayLike<number>} map
 * @returns {number} > 0
 */
export function reachOf(map, share = 0.98) {
  const sizes = Float64Array.from(map, Math.abs).filter((size) => size > 1e-9);
  if (!sizes.length) return 1;
  return sizes.sort()[Math.floor(share * (sizes.length - 1))];
}

/** Paint a picture's rows end to end, on a canvas of 784x1. */
export function paintFlat(context, image) {
  const { paper, ink } = palette();
  paint(context, 0, 0, (i) => mix(paper, ink, image[i] / 255), SIDE * SIDE, 1);
}

function paint(context, left, top, pixel, width = SIDE, height = SIDE) {
  const data = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [r, g, b] = pixel(i);
    data.data[4 * i] = r;
    data.data[4 * i + 1] = g;
    data.data[4 * i + 2] = b;
    data.data[4 * i + 3] = 255;
  }
  context.putImageData(data, left, top);
}

function mix(from, to, share) {
  return from.map((value, i) => value + share * (to[i] - value));
}
