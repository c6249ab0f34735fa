/**
 * Frame ink as MNIST's own pictures were framed: 28x28, the digit in 20x20, centred by mass.
 *
 * The same to the bit as `mnistry.pictures.frame.frame`, so that what the browser shows is what
 * Python would send to a model. That is why sums are taken in the order of its matrix products,
 * with one rounding for each product and sum, as processors do there: averages of grey levels often
 * lie just between two grey levels, and the last bit decides.
 */

export const SIDE = 28;
const BOX = 20; // the side that the digit's longer side is brought to
const SMALLEST = 10; // the least side of the square that is cut out, in pixels of the source
const FUDGE = 0.99; // the original's pixels fall short of their neighbours; its aliasing is MNIST's
const EPS = 1e-11;
const MARGIN = 10; // of the 48x48 that the digit is pasted into, of which 28x28 are kept

/**
 * Frame one digit; where and how large it lies in its picture does not matter.
 *
 * @param {Float64Array} ink height*width in [0, 1], row by row; 0 = paper, exactly, all around
 * @param {number} height in pixels
 * @param {number} width in pixels
 * @returns {Uint8Array} 784, row by row; 0 = paper, 255 = ink. Blank ink gives a blank picture.
 */
export function frame(ink, height, width) {
  const image = new Uint8Array(SIDE * SIDE);
  const box = boxOf(ink, height, width);
  if (box === null) return image;
  const small = quantised(shrunk(ink, height, width, box));
  const [top, left] = corner(small);
  for (let y = 0; y < BOX; y++) {
    for (let x = 0; x < BOX; x++) {
      const row = top + y - MARGIN;
      const column = left + x - MARGIN;
      if (row >= 0 && row < SIDE && column >= 0 && column < SIDE) {
        image[row * SIDE + column] = small[y * BOX + x]; // what is outside is cut off, as in MNIST
      }
    }
  }
  return image;
}

/**
 * Find the tight box around all ink.
 *
 * @param {Float64Array} ink height*width in [0, 1]
 * @param {number} height in pixels
 * @param {number} width in pixels
 * @returns {{top: number, left: number, h: number, w: number} | null} in pixels; null if blank
 */
export function boxOf(ink, height, width) {
  let top = height;
  let bottom = -1;
  let left = width;
  let right = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] > 0) {
        if (y < top) top = y;
        bottom = y;
        if (x < left) left = x;
        if (x > right) right = x;
      }
    }
  }
  return bottom < 0 ? null : { top, left, h: bottom - top + 1, w: right - left + 1 };
}

/** Resample the square around the digit's box to 20x20. */
function shrunk(ink, height, width, { top, left, h, w }) {
  const side = Math.max(h, w, SMALLEST);
  const table = matrix(side);
  const y0 = top - Math.floor((side - h) / 2);
  const x0 = left - Math.floor((side - w) / 2);
  // Columns first. What is outside of the picture or of the box is paper, and weighs nothing.
  const across = new Float64Array(h * BOX);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const value = ink[(top + y) * width + left + x];
      if (value === 0) continue;
      for (const [to, weight] of table[left + x - x0]) {
        const at = y * BOX + to;
        across[at] = fused(value, weight, across[at]);
      }
    }
  }
  const small = new Float64Array(BOX * BOX);
  for (let y = 0; y < h; y++) {
    for (const [to, weight] of table[top + y - y0]) {
      for (let x = 0; x < BOX; x++) {
        const at = to * BOX + x;
        small[at] = fused(weight, across[y * BOX + x], small[at]);
      }
    }
  }
  return small;
}

const tables = new Map();

/**
 * Give for each of `side` pixels of an axis the cells of 20 that it adds to, and its weights.
 * Pixel doubling, for sides below 20, is included.
 */
function matrix(side) {
  if (tables.has(side)) return tables.get(side);
  let doubled = side;
  while (doubled < BOX) doubled *= 2;
  const times = doubled / side;
  const scale = BOX / doubled;
  const table = [];
  for (let i = 0; i < side; i++) {
    const cells = new Map();
    for (let j = i * times; j < (i + 1) * times; j++) {
      const start = BOX / 2 + scale * (j - doubled / 2);
      const end = start + FUDGE * scale;
      const first = Math.floor(start + EPS);
      const last = Math.ceil(end - EPS) - 1;
      const weight = first === last ? scale : clip(first + 1 - start, 0, 1);
      cells.set(first, (cells.get(first) ?? 0) + weight);
      if (first !== last) cells.set(last, (cells.get(last) ?? 0) + clip(end - last, 0, 1));
    }
    table.push([...cells]);
  }
  if (tables.size > 256) tables.clear();
  tables.set(side, table);
  return table;
}

/** Stretch 20x20 values that are too faint; whole numbers up to 255. */
function quantised(small) {
  const peak = small.reduce((most, value) => Math.max(most, value), 0);
  const full = peak > 0 ? Math.min(peak, 1) : 1;
  return small.map((value) => clip(Math.floor((value * 255) / full + 0.5), 0, 255));
}

/** Give where in 48x48 the 20x20 has its corner so that the centre of mass is in the middle. */
function corner(small) {
  let mass = 0;
  let down = 0;
  let across = 0;
  for (let y = 0; y < BOX; y++) {
    for (let x = 0; x < BOX; x++) {
      const value = small[y * BOX + x]; // whole numbers, so that the sums are exact
      mass += value;
      down += value * (y + 0.5);
      across += value * (x + 0.5);
    }
  }
  return [down, across].map((sum) =>
    clip(Math.floor(15 - sum / Math.max(mass, 1)) + MARGIN, 0, SIDE),
  );
}

const SPLIT = 134217729; // 2^27 + 1, by which a double is cut into two halves (Veltkamp)

/** Give a*b + c with one rounding, as a fused multiply-add does (Dekker's product, Knuth's sum). */
function fused(a, b, c) {
  const product = a * b;
  const ta = SPLIT * a;
  const tb = SPLIT * b;
  const ah = ta - (ta - a);
  const bh = tb - (tb - b);
  const al = a - ah;
  const bl = b - bh;
  const lost = al * bl - (product - ah * bh - al * bh - ah * bl);
  const sum = product + c;
  const part = sum - product;
  return sum + (product - (sum - part) + (c - part) + lost);
}

function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
