/** How the states changed, newest first. */

import { make, put, shape, verbatim } from "../build.js";
import { timeOf } from "../shell/times.js";
import { words } from "../words.js";
import { stateWord } from "./axes.js";

/** @param {HTMLElement} place an ordered list @param {HTMLElement} none shown while there is none */
export function showChanges(place, none, changes) {
  none.hidden = changes.length > 0;
  put(place, ...changes.map(entry));
}

function entry({ at, axis, from, to, reason }) {
  return make(
    "li",
    {},
    make(
      "p",
      { class: "change" },
      make("b", {}, words(`axis.${axis}`)),
      stateWord(from),
      shape("next"),
      make("span", { class: "unseen" }, words("changes.to")),
      stateWord(to),
      timeOf(at, { class: "under" }),
    ),
    make("p", { class: "says" }, verbatim(reason)),
  );
}
