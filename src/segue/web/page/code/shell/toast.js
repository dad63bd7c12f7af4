/** A short word about what was just done, told at once to those who listen. Troubles stay until they are put away. */

import { make, shape } from "../build.js";
import { label, say } from "../words.js";

const STAYS_MS = 7_000;

/**
 * Say that something was done, or was not.
 *
 * @param {string} key of the text
 * @param {object} values
 * @param {"good" | "warn" | "bad"} tone
 */
export function toast(key, values = {}, tone = "good") {
  const text = make("span", {});
  const close = make("button", { class: "icon", type: "button" }, shape("close"));
  const line = make("p", { class: "toast", "data-tone": tone }, shape(tone === "good" ? "pass" : "hold"), text, close);
  close.addEventListener("click", () => line.remove());
  region(tone).append(line);
  say(text, key, values);
  label(close, "shell.close");
  if (tone === "good") setTimeout(() => line.remove(), STAYS_MS);
}

/** Where they stand: a polite region and an urgent one, both there before anything is said in them. */
export function regions() {
  return make(
    "div",
    { class: "toasts" },
    make("div", { id: "toasts", role: "status" }),
    make("div", { id: "alerts", role: "alert" }),
  );
}

const region = (tone) => document.getElementById(tone === "good" ? "toasts" : "alerts");
