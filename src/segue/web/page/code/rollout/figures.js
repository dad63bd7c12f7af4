/** Figures as the page's language writes them: shares, spans of time, moments, evidence. */

import { locale } from "../shell/times.js";
import { figure, words } from "../words.js";

const STEPS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];
const LOUD = 1e6; // evidence above this is written in short: nobody compares its digits

/** A part of one as a percentage with at most three digits that mean something. */
export function percent(part) {
  if (part === null || part === undefined) return "–";
  const number = part * 100;
  const digits = number === 0 || Math.abs(number) >= 99.95 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(number))));
  return words("unit.percent", { number: trimmed(number, Math.min(4, digits)) });
}

/** Basis points as a percentage. */
export const basis = (share_bp) => percent(share_bp === null ? null : share_bp / 10_000);

/** A span of seconds in its two largest units: `41 min`, `1 h 41 min`, `2 d`. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  let rest = Math.max(0, Math.round(seconds));
  const first = STEPS.findIndex(([, size]) => rest >= size);
  if (first < 0) return words("unit.s", { number: figure(0) });
  const parts = [];
  for (const [unit, size] of STEPS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(words(`unit.${unit}`, { number: figure(count) }));
  }
  return parts.join(" ");
}

/** An e-value: two digits below one, whole numbers above, in short where it is overwhelming. */
export function evidence(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1e15) return words("evidence.beyond");
  if (value >= LOUD) return new Intl.NumberFormat(locale(), { notation: "compact", maximumSignificantDigits: 2 }).format(value);
  if (value >= 100) return figure(Math.round(value));
  return trimmed(value, value >= 10 ? 1 : 2);
}

/** The value of a gate in its unit: `share` (parts of one) or `s` (seconds). */
export function inUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return percent(value);
  return unit === "s" ? seconds(value) : trimmed(value, 2);
}

/** A measured or allowed duration: milliseconds below a second, at most two digits behind the point above. */
function seconds(value) {
  if (value > 0 && value < 1) return words("unit.ms", { number: figure(Math.round(value * 1000)) });
  return words("unit.s", { number: trimmed(value, value < 10 ? 2 : 1) });
}

/** A number with at most so many digits behind the point, and no zeros at its end. */
function trimmed(number, digits) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(number);
}
