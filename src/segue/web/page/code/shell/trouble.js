/** What went wrong, in the page's language, with what the server said itself behind it. */

import { make, verbatim } from "../build.js";
import { say, words } from "../words.js";

const KNOWN = [0, 401, 403, 404, 409, 429, 503];

/**
 * What to show where something failed.
 *
 * @param {Error} error a `Problem`; anything else is a fault of this page, and is thrown on
 * @returns {(Node | string)[]}
 */
export function sentences(error) {
  if (error.status === undefined) throw error;
  const key = KNOWN.includes(error.status) ? `shell.trouble.${error.status}` : "shell.trouble.other";
  const wait = error.retry_s ? [` ${words("shell.trouble.wait", { ms: { ms: error.retry_s * 1000 } })}`] : [];
  return [words(key), ...(error.detail ? [" ", verbatim(error.detail)] : []), ...wait];
}

/** A line that says what went wrong, told at once to those who listen. */
export const trouble = (error, ...more) => make("p", { class: "alert", role: "alert", "data-tone": "bad" }, make("span", {}, ...sentences(error)), ...more);

/** A button that does again what went wrong. */
export function againButton(act) {
  const button = make("button", { class: "plain", type: "button" });
  say(button, "shell.again");
  button.addEventListener("click", act);
  return button;
}

/** Put a trouble into a place, or take it away with null. */
export function showTrouble(place, error) {
  place.hidden = error === null;
  place.replaceChildren(...(error === null ? [] : sentences(error)));
}
