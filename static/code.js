/**
 * Drawing a QR code: from the text it carries to a picture that any <img> shows. Modules that touch melt into one
 * shape with rounded outer corners; every module's centre, which is what scanners sample, stays as it was.
 */
import { correction, generate, mode } from "./vendor/lean-qr.mjs";

/** Light modules around the code; ISO/IEC 18004 asks for four. */
const QUIET_MODULES = 4;
/** One of the eight patterns that break up the data. Trying all takes seven times as long and is, for the addresses in
 * WeChat's codes, two per cent better by the standard's own measure. */
const MASK = 3;
/** Ways to write a text into a code. The library's further ones, for Latin and Japanese letters, are worse for addresses,
 * and to find that out takes longer than all the rest. */
const MODES = [mode.numeric, mode.alphaNumeric, mode.ascii, mode.utf8];
const CORNER = 0.42;
const DARK = "#0b1a12";
const LIGHT = "#ffffff";
/** Pixels of one module in the picture for phones: large enough to be found again in an album. */
const PIXELS = 14;

/**
 * A picture of a code that keeps sharp at every size.
 *
 * @param {string} text what the code says
 * @returns {string} a data address with an SVG
 */
export function drawCode(text) {
  const { path, size } = outline(text);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}">` +
    `<path fill="${LIGHT}" d="M0 0h${size}v${size}H0z"/><path fill="${DARK}" d="${path}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/**
 * The same picture as pixels: what a phone can keep in its album.
 *
 * @param {string} text what the code says
 * @returns {string} a data address with a PNG
 */
export function drawCodeToKeep(text) {
  const { path, size } = outline(text);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * PIXELS;
  const brush = canvas.getContext("2d");
  brush.scale(PIXELS, PIXELS);
  brush.fillStyle = LIGHT;
  brush.fillRect(0, 0, size, size);
  brush.fillStyle = DARK;
  brush.fill(new Path2D(path));
  return canvas.toDataURL("image/png");
}

/**
 * @param {string} text
 * @returns {{path: string, size: number}} the dark shape, and the side of the whole picture in modules
 */
function outline(text) {
  const matrix = generate(text, { minCorrectionLevel: correction.M, mask: MASK, modes: MODES });
  let path = "";
  for (let y = 0; y < matrix.size; y += 1) {
    for (let x = 0; x < matrix.size; x += 1) {
      if (!matrix.get(x, y)) continue;
      const first = x;
      while (matrix.get(x + 1, y)) x += 1;
      path += runAt(matrix, y, first, x);
    }
  }
  return { path, size: matrix.size + 2 * QUIET_MODULES };
}

/** Dark modules side by side as a path; a corner is rounded where no dark neighbour touches it. */
function runAt(matrix, y, first, last) {
  const rounding = (x, dx, dy) => (matrix.get(x, y + dy) || matrix.get(x + dx, y + dy) ? 0 : CORNER);
  const [topLeft, topRight] = [rounding(first, -1, -1), rounding(last, 1, -1)];
  const [bottomLeft, bottomRight] = [rounding(first, -1, 1), rounding(last, 1, 1)];
  const width = last - first + 1;
  const arc = (radius, dx, dy) => (radius ? `a${radius} ${radius} 0 0 1 ${dx * radius} ${dy * radius}` : "");
  const side = (command, length) => `${command}${Number(length.toFixed(2))}`;
  return (
    `M${first + QUIET_MODULES + topLeft} ${y + QUIET_MODULES}` +
    side("h", width - topLeft - topRight) + arc(topRight, 1, 1) +
    side("v", 1 - topRight - bottomRight) + arc(bottomRight, -1, 1) +
    side("h", bottomRight + bottomLeft - width) + arc(bottomLeft, -1, -1) +
    side("v", bottomLeft + topLeft - 1) + arc(topLeft, 1, -1) + "z"
  );
}
