/** The providers: how each is, what its breaker does and why, and the order in which they are asked. */

import { make, put, shape, verbatim } from "../build.js";
import { timeOf } from "../shell/times.js";
import { figure, hasWords, words } from "../words.js";
import { milliseconds } from "./figures.js";
import { switchOf } from "./governing.js";

const TONES = { ready: "good", resting: "bad", "being tried": "warn", "left out": "warn", "switched off": "warn" };
const SHAPES = { ready: "pass", resting: "paused", "being tried": "retry", "left out": "breach", "switched off": "frozen" };

/**
 * The focus stays on the switch where it was.
 *
 * @param {HTMLElement} place the body of a table
 * @param {{items: object[]}} providers as `/api/providers` tells them
 * @param {boolean} may whether whoever looks may switch them
 */
export function showProviders(place, { items }, may) {
  const focused = place.contains(document.activeElement) ? document.activeElement.closest("tr")?.dataset : null;
  put(place, ...items.map((item) => row(item, may)));
  if (focused) place.querySelector(`[data-provider="${CSS.escape(focused.provider)}"][data-role="${focused.role}"] button`)?.focus();
}

/** @param {HTMLElement} place a list of terms */
export function showChains(place, chains) {
  const named = [
    ...Object.entries(chains.models).map(([profile, names]) => [words("chain.model", { profile: words(`profile.${profile}`) }), names]),
    [words("chain.synthesizer"), chains.synthesizers],
    [words("chain.recognizer"), chains.recognizers],
  ];
  put(place, ...named.map(([title, names]) => make("div", {}, make("dt", {}, title), make("dd", {}, names.join(" → ") || words("chain.nobody")))));
}

function row(provider, may) {
  const { name, role, state, reason, model, version, breaker, limits, calls, failures, running } = provider;
  const about = [words(`role.${role}`), model, version].filter(Boolean).join(" · ");
  const told = state === "ready" ? null : make("span", { class: "under" }, verbatim(reason));
  const counted = words("providers.counted", { calls, failures });
  const atOnce = limits.at_once === null ? null : make("span", { class: "under" }, words("providers.running", { running, most: limits.at_once }));
  return make(
    "tr",
    { "data-provider": name, "data-role": role },
    make("th", { scope: "row" }, name, make("span", { class: "under" }, about)),
    make("td", { "data-name": words("providers.state") }, make("span", {}, stateWord(state), told)),
    make("td", { "data-name": words("providers.breaker") }, make("span", {}, ...breakerSays(breaker))),
    make("td", { "data-name": words("providers.calls") }, make("span", {}, counted, atOnce)),
    make("td", { "data-name": words("providers.first") }, milliseconds(limits.first_s * 1000)),
    make("td", { "data-name": words("providers.failure") }, make("span", {}, ...failureSays(provider.last_error))),
    may ? make("td", {}, make("span", { class: "does" }, switchOf(provider))) : null,
  );
}

function stateWord(state) {
  const key = `provider.${state.replaceAll(" ", "_")}`;
  return make("span", { class: "word", "data-tone": TONES[state] ?? "warn" }, shape(SHAPES[state]), hasWords(key) ? words(key) : state);
}

function breakerSays({ state, opened, rests_s, failing_share }) {
  const told = [words(`breaker.${state}`)];
  const under = [];
  if (rests_s !== null) under.push(words("breaker.rests", { seconds: Math.ceil(rests_s) }));
  if (failing_share !== null) under.push(words("breaker.failing", { share: figure(failing_share * 100) }));
  if (opened > 0) under.push(words("breaker.opened", { count: opened }));
  if (under.length > 0) told.push(make("span", { class: "under" }, under.join(" · ")));
  return told;
}

function failureSays(error) {
  if (error === null) return [words("providers.no_failure")];
  const category = hasWords(`failure.${error.category}`) ? words(`failure.${error.category}`) : error.category;
  return [`${category} · `, timeOf(error.at), make("span", { class: "under" }, verbatim(error.message))];
}
