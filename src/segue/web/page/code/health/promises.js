/** What each profile promises, and whether it was kept over the window. */

import { make, put, shape } from "../build.js";
import { hasWords, words } from "../words.js";
import { inWords } from "./figures.js";

const TONES = { met: "good", missed: "bad", insufficient_data: "" };
const SHAPES = { met: "pass", missed: "breach", insufficient_data: "wait" };

/**
 * @param {HTMLTableElement} table
 * @param {Record<string, Record<string, object>>} profiles findings by profile and promise
 */
export function showPromises(table, profiles) {
  const names = Object.keys(profiles);
  const heads = names.map((profile) => make("th", { scope: "col" }, words(`profile.${profile}`)));
  put(table.tHead.rows[0], make("th", { scope: "col" }, words("promises.what")), ...heads);
  const promised = [...new Set(names.flatMap((profile) => Object.keys(profiles[profile])))];
  put(table.tBodies[0], ...promised.map((promise) => row(promise, names, profiles)));
}

function row(promise, names, profiles) {
  const title = hasWords(`figure.${promise}`) ? words(`figure.${promise}`) : promise;
  const cells = names.map((profile) => cell(promise, profile, profiles[profile][promise]));
  return make("tr", {}, make("th", { scope: "row" }, title), ...cells);
}

function cell(promise, profile, finding) {
  if (!finding) return make("td", { "data-name": words(`profile.${profile}`) }, "–");
  const { objective, value, n, verdict } = finding;
  const word = make("span", { class: "word", "data-tone": TONES[verdict] }, shape(SHAPES[verdict]), words(`verdict.${verdict}`));
  const figures = words("promises.of", { value: inWords(promise, value), limit: inWords(promise, objective), n });
  return make("td", { "data-name": words(`profile.${profile}`) }, make("span", {}, word, make("span", { class: "under" }, figures)));
}
