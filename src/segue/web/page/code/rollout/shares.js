/** Who hears what: the share that was set beside the one that came about, and what the two variants are. */

import { words } from "../words.js";
import { make, put } from "../build.js";
import { basis } from "./figures.js";

const PARTS = ["voice", "synthesizer", "model"];

/** @param {HTMLElement} place @param {object} status */
export function showShares(place, status) {
  const { realised } = status;
  const listeners = realised.candidate + realised.baseline;
  const rows = [bar("shares.set", status.share_bp, basis(status.share_bp), status)];
  rows.push(
    bar(
      "shares.realised",
      realised.share_bp,
      listeners === 0
        ? words("shares.nobody")
        : words("shares.listeners", { share: basis(realised.share_bp), candidate: realised.candidate, listeners }),
      status,
    ),
  );
  put(place, make("div", { class: "bars" }, ...rows), variants(status));
  for (const fill of place.querySelectorAll("[data-share]")) {
    fill.style.setProperty("--share", (Number(fill.dataset.share) / 10_000).toFixed(4));
  }
}

function bar(key, share_bp, text, { candidate }) {
  return make(
    "div",
    { class: "bar-row" },
    make("span", { class: "bar-name" }, words(key, { candidate: candidate.name })),
    make("span", { class: "split", "aria-hidden": "true" }, make("span", { "data-share": share_bp ?? 0 })),
    make("span", { class: "bar-value" }, text),
  );
}

/** A row for each property in which somebody said something; what is left out stays as configured. */
function variants({ baseline, candidate }) {
  const names = PARTS.filter((part) => baseline[part] || candidate[part]);
  const rows = names.map((part) => row(words(`variant.${part}`), baseline[part], candidate[part]));
  if (baseline.streaming !== candidate.streaming) {
    const told = ({ streaming }) => words(streaming ? "variant.streaming.on" : "variant.streaming.off");
    rows.push(row(words("variant.streaming"), told(baseline), told(candidate)));
  }
  const head = make(
    "tr",
    {},
    make("td", {}),
    make("th", { scope: "col" }, make("span", { class: "arm baseline" }, baseline.name), words("arm.baseline")),
    make("th", { scope: "col" }, make("span", { class: "arm candidate" }, candidate.name), words("arm.candidate")),
  );
  return make("table", { class: "variants" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

function row(name, one, other) {
  const differs = one !== other;
  return make(
    "tr",
    { class: differs ? "differs" : null },
    make("th", { scope: "row" }, name),
    make("td", {}, one || words("variant.configured")),
    make("td", {}, other || words("variant.configured")),
  );
}
