/** The evidence of a gate over time against the line it would have to cross: drawn by uPlot on a logarithmic scale. */

import uPlot from "../vendor/uPlot/uPlot.esm.js";
import { locale } from "../shell/times.js";
import { evidence } from "./figures.js";

const HEIGHT = 118;
const SHORT = 240; // below four minutes the axis names seconds too
const LEAST = 60; // a curve spans at least a minute, so that two points are not the whole width
const BOTTOM = -2; // evidence below a hundredth is drawn at the bottom

export class Curve {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.probe = place.appendChild(document.createElement("i"));
    this.probe.hidden = true;
    this.line = 0;
    this.chart = null;
    this.observer = new ResizeObserver(() => this.#fit());
    this.observer.observe(place);
  }

  /**
   * @param {[number, number][]} curve Unix seconds and the natural logarithm of the e-value
   * @param {number} line the e-value at which it is a breach
   * @param {string} tone `breach` draws the curve as harm
   */
  show(curve, line, tone) {
    this.line = Math.log10(line);
    this.tone = tone;
    const times = curve.map(([at]) => at);
    const heights = curve.map(([, ln]) => Math.max(BOTTOM, ln / Math.LN10));
    this.data = [times, heights];
    if (this.chart) this.chart.setData(this.data);
    else this.chart = new uPlot(this.#options(), this.data, this.place);
  }

  /** The colours or the language changed. */
  redraw() {
    this.chart?.redraw(false, true);
  }

  remove() {
    this.observer.disconnect();
    this.chart?.destroy();
  }

  #fit() {
    const width = this.place.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height: HEIGHT });
  }

  /** A colour of the page as it is now: themes change while the page is open. */
  #colour(name) {
    this.probe.style.color = `var(--${name})`;
    return getComputedStyle(this.probe).color;
  }

  #options() {
    const quiet = { stroke: () => this.#colour("muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: () => this.#colour("line"), width: 1 };
    return {
      width: Math.max(120, this.place.clientWidth),
      height: HEIGHT,
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: () => this.#span() }, y: { range: () => this.#range() } },
      axes: [
        { ...quiet, grid: { show: false }, size: 22, space: 80, values: (chart, splits) => splits.map((at) => this.#clock(chart, at)) },
        { ...quiet, grid, size: 44, splits: () => this.#splits(), values: (_chart, splits) => splits.map(power) },
      ],
      series: [
        {},
        {
          stroke: () => this.#colour(this.tone === "breach" ? "bad" : "accent"),
          width: 2,
          points: { show: (_chart, _series, from, to) => to - from < 2 },
        },
      ],
      hooks: { drawClear: [(chart) => this.#shade(chart)] },
    };
  }

  /** The line, all across; above it is harm, and its ground says so. */
  #shade(chart) {
    const { ctx, bbox } = chart;
    const edge = Math.min(Math.max(chart.valToPos(this.line, "y", true), bbox.top), bbox.top + bbox.height);
    ctx.save();
    ctx.fillStyle = this.#colour("bad-glow");
    ctx.fillRect(bbox.left, bbox.top, bbox.width, edge - bbox.top);
    ctx.strokeStyle = this.#colour("bad");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, edge);
    ctx.lineTo(bbox.left + bbox.width, edge);
    ctx.stroke();
    ctx.restore();
  }

  /** From the first moment to the last, in Unix seconds. */
  #span() {
    const times = this.data[0];
    return [times[0], Math.max(times.at(-1), times[0] + LEAST)];
  }

  /** The time at a tick, unless there is no room for it beside the edge. */
  #clock(chart, at) {
    const [from, to] = this.#span();
    const short = to - from < SHORT;
    if (chart.valToPos(to, "x") - chart.valToPos(at, "x") < (short ? 22 : 12)) return "";
    const second = short ? "2-digit" : undefined;
    const format = { hour: "2-digit", minute: "2-digit", second, hourCycle: "h23" };
    return new Intl.DateTimeFormat(locale(), format).format(new Date(at * 1000));
  }

  #range() {
    const heights = this.data[1];
    const top = Math.max(this.line, ...heights) + 0.5;
    return [Math.max(BOTTOM, Math.min(-0.6, ...heights) - 0.2), top];
  }

  /** One, the line, and a power of ten or two where there is room. */
  #splits() {
    const [bottom, top] = this.#range();
    const step = Math.max(1, Math.ceil((top - bottom) / 4));
    const powers = [];
    for (let at = 0; at <= top; at += step) if (Math.abs(at - this.line) > (top - bottom) / 5) powers.push(at);
    return [...powers, this.line].sort((one, other) => one - other);
  }
}

const power = (height) => evidence(10 ** height);
