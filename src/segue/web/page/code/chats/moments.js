/** Moments of messages in the page's language: the time of day, and the day where a new one begins. */

import { locale } from "../shell/times.js";

/** The time of day of a moment in Unix seconds. */
export function moment(at) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(locale(), options).format(new Date(at * 1000));
}

/** The day of a moment in Unix seconds, with the year where it is not this one. */
export function day(at, now_ms = Date.now()) {
  const date = new Date(at * 1000);
  const year = date.getFullYear() === new Date(now_ms).getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale(), { weekday: "long", day: "numeric", month: "long", year }).format(date);
}
