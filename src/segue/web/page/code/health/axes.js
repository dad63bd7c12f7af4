/** Both axes of degradation: the word, the server's reason, and every figure beside the limits it is held to. */

import { make, put, shape, verbatim } from "../build.js";
import { timeOf } from "../shell/times.js";
import { hasWords, words } from "../words.js";
import { inWords } from "./figures.js";

const TONES = { ok: "good", unknown: "", slow: "warn", fast: "warn", degraded: "warn", emergency: "bad" };
const SHAPES = { ok: "pass", unknown: "wait", slow: "hold", fast: "hold", degraded: "hold", emergency: "breach" };

/** The word of a state, with its shape. */
export function stateWord(state) {
  return make("span", { class: "word", "data-tone": TONES[state] ?? "warn", "data-state": state }, shape(SHAPES[state]), words(`state.${state}`));
}

/** @param {HTMLElement} place @param {object} degradation as `/api/voice/degradation_status` tells it */
export function showAxes(place, { axes, remedy }) {
  put(place, ...Object.entries(axes).map(([name, axis]) => card(name, axis, remedyOf(name, remedy))));
}

function card(name, axis, remedy) {
  return make(
    "article",
    { class: "axis", "data-axis": name, "aria-labelledby": `axis-${name}` },
    make("header", { class: "axis-head" }, make("h2", { id: `axis-${name}` }, words(`axis.${name}`)), stateWord(axis.state)),
    make("p", { class: "says" }, verbatim(axis.reason)),
    make("p", { class: "under" }, `${words("axis.since")} `, timeOf(axis.since)),
    remedy ? make("p", { class: "remedy" }, words(remedy)) : null,
    make("dl", { class: "figures" }, ...Object.entries(axis.figures).map(([figure, reading]) => row(figure, reading, axis.state))),
    make("p", { class: "under next" }, verbatim(axis.now), " ", verbatim(axis.next)),
  );
}

/** What the server does about it, if anything. */
function remedyOf(name, { forced_profile, rotate_synthesizers }) {
  if (name === "model" && forced_profile === "fast") return "remedy.fast";
  return name === "synthesis" && rotate_synthesizers ? "remedy.rotated" : null;
}

function row(name, reading, state) {
  const title = hasWords(`figure.${name}`) ? words(`figure.${name}`) : name;
  const limits = Object.entries(reading.limits).map(([entered, { over }]) => {
    const passed = reading.sufficient && reading.value > over;
    const text = words("figure.limit", { state: words(`state.${entered}`), over: inWords(name, over) });
    return make("span", { class: "limit", "data-passed": passed ? "yes" : "no", "data-current": entered === state ? "yes" : null }, text);
  });
  const count = reading.sufficient ? words("figure.turns", { n: reading.n }) : words("figure.few", { n: reading.n });
  return make(
    "div",
    {},
    make("dt", {}, title),
    make("dd", {}, make("b", {}, inWords(name, reading.value)), make("span", { class: "under" }, count), make("span", { class: "limits" }, ...limits)),
  );
}
