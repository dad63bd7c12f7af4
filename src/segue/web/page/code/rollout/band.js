/** Where a figure lies, with its interval, against its limit: drawn as a band, told as a sentence. */

import { words } from "../words.js";
import { make } from "../build.js";
import { inUnit } from "./figures.js";

const CLOSE = 0.3; // a limit so close to an end takes the place of what is written there

/**
 * @param {object} gate a gate of the status whose unit is not `none`
 * @returns {HTMLElement | null} null where there is nothing to be drawn
 */
export function band(gate) {
  const { value, low, high, limit, unit, baseline_value } = gate;
  if (unit === "none" || value === null || limit <= 0) return null;
  const most = widest(gate);
  const compared = gate.kind === "regression"; // its limit is what the baseline does
  const label = words(compared ? "band.compared" : low === null ? "band.value" : "band.label", {
    value: inUnit(value, unit),
    low: inUnit(low, unit),
    high: inUnit(high, unit),
    limit: inUnit(limit, unit),
  });
  const track = make("div", { class: "band", role: "img", "aria-label": label });
  track.append(at("zone", limit / most, 1));
  if (low !== null && high !== null) track.append(at("interval", low / most, high / most));
  track.append(at("limit", limit / most));
  if (baseline_value !== null) track.append(at("other", baseline_value / most));
  track.append(at("value", value / most));
  const scale = make("div", { class: "scale", "aria-hidden": "true" });
  const tick = make("span", {}, words(compared ? "band.baseline" : "band.limit", { limit: inUnit(limit, unit) }));
  tick.style.setProperty("--at", (limit / most).toFixed(4));
  tick.dataset.side = limit / most < CLOSE ? "start" : limit / most > 1 - CLOSE ? "end" : "middle";
  scale.append(
    make("span", { class: "zero" }, inUnit(0, unit === "s" ? "" : unit)),
    tick,
    make("span", { class: "most" }, inUnit(most, unit)),
  );
  scale.dataset.limit = tick.dataset.side;
  return make("div", { class: "banded" }, track, scale);
}

/** The right end: the limit lies in the middle or further left, and the value inside; what is far off lies at the end. */
export function widest({ value, high, limit, unit, baseline_value }) {
  const shown = Math.max(value ?? 0, Math.min(Math.max(high ?? 0, baseline_value ?? 0), limit * 4));
  const most = Math.max(limit * 2, shown * 1.08);
  const round = nice(most);
  return unit === "share" && limit <= 1 ? Math.min(1, round) : round;
}

/** The next number upwards with one digit, or with a half. */
function nice(number) {
  const size = 10 ** Math.floor(Math.log10(number));
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  return size * (steps.find((step) => step * size >= number * 0.9999) ?? 10);
}

function at(name, from, to = null) {
  const part = make("span", { class: name });
  const within = (share) => Math.min(1, Math.max(0, share));
  part.style.setProperty("--at", within(from).toFixed(4));
  if (to !== null) part.style.setProperty("--length", (within(to) - within(from)).toFixed(4));
  return part;
}
