/** A small line of the latest figures, drawn as SVG. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 34;
const PAD = 5;

/**
 * @param {number[]} values oldest first; the line begins at zero so that its height can be believed
 * @param {string} label what a screen reader says
 * @returns {SVGElement}
 */
export function sparkline(values, label) {
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: "spark" });
  const most = Math.max(...values, 1);
  const x = (at) => (values.length === 1 ? WIDTH - PAD : PAD + (at * (WIDTH - 2 * PAD)) / (values.length - 1));
  const y = (value) => HEIGHT - PAD - (value / most) * (HEIGHT - 2 * PAD);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  svg.append(element("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1, class: "spark-base" }));
  if (points.length > 1) svg.append(element("polyline", { points: points.join(" "), class: "spark-line" }));
  const [cx, cy] = points.at(-1).split(",");
  svg.append(element("circle", { cx, cy, r: 3.4, class: "spark-end" }));
  return svg;
}

/** The value in the middle (the mean of the two middle ones). */
export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
