/** Figures of health in the page's language: latencies, shares and counts, told apart by the ends of their names. */

import { locale } from "../shell/times.js";
import { figure, words } from "../words.js";

/** A value as its name says: `…_ms`, `…_share`, or a count. */
export function inWords(name, value) {
  if (value === null || value === undefined) return "–";
  if (name.endsWith("_ms")) return milliseconds(value);
  if (name.endsWith("_share")) return percent(value);
  return figure(Math.round(value));
}

/** Milliseconds below a second, seconds above. */
export function milliseconds(ms) {
  if (ms < 1000) return words("unit.ms", { number: figure(Math.round(ms)) });
  return words("unit.s", { number: digits(ms / 1000, 2) });
}

const percent = (share) => words("unit.percent", { number: digits(share * 100, 2) });

const digits = (number, most) => new Intl.NumberFormat(locale(), { maximumFractionDigits: most }).format(number);
