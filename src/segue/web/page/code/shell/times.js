/**
 * Moments as the page's language writes them. `timeOf` makes an element that goes on saying how long ago it was (or how
 * soon it will be), with the exact moment for whoever hovers; the shell keeps all of them right.
 */

import { make } from "../build.js";
import { language } from "../words.js";

const LOCALES = { zh: "zh-Hans" };
const DAY_S = 86_400;
const UNITS = [
  ["year", 365 * DAY_S, 730 * DAY_S],
  ["month", 30 * DAY_S, 100 * DAY_S],
  ["day", DAY_S, DAY_S],
  ["hour", 3600, 3600],
  ["minute", 60, 60],
  ["second", 1, 0],
]; // each with its length, and from where on it is used

export const locale = () => LOCALES[language] ?? language;

/** How long ago (or ahead) a moment in Unix seconds is: `5 minutes ago`, `in 3 days`. */
export function ago(at, now_ms = Date.now()) {
  const passed = at - now_ms / 1000;
  const [unit, size] = UNITS.find(([, , from]) => Math.abs(passed) >= from);
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(passed / size), unit);
}

/** A moment in Unix seconds: day and time of day, to the second. */
export const exactly = (at) => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" }).format(at * 1000);

/** A moment in Unix seconds: the time of day, with the day where it is not today. */
export function moment(at, now_ms = Date.now()) {
  const date = new Date(at * 1000);
  const today = date.toDateString() === new Date(now_ms).toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  const time = { hour: "2-digit", minute: "2-digit", second: today ? "2-digit" : undefined, hourCycle: "h23" };
  return new Intl.DateTimeFormat(locale(), { ...day, ...time }).format(date);
}

/** An element for a moment in Unix seconds. */
export function timeOf(at, attributes = {}) {
  const element = make("time", { datetime: new Date(at * 1000).toISOString(), "data-at": at, ...attributes });
  tell(element);
  return element;
}

/** Write all of them anew: time has passed, or the language is another. */
export function tellTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-at]")) tell(element);
}

function tell(element) {
  const at = Number(element.dataset.at);
  const text = ago(at);
  if (element.textContent !== text) element.textContent = text;
  element.title = exactly(at);
}
