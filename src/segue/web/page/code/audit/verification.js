/** The proof: the server walks the whole chain, and the page says what it found, each fault in its own sentence. */

import { make, shape, verbatim } from "../build.js";
import { api, Pages } from "../shell/api.js";
import { timeOf } from "../shell/times.js";
import { trouble } from "../shell/trouble.js";
import { words } from "../words.js";

const PATIENCE_MS = 600_000; // a chain of millions is walked for minutes
const TONES = { proven: "good", ok: "warn", broken: "bad" };
const SHAPES = { proven: "pass", ok: "hold", broken: "breach" };

export class Verification {
  /** @param {HTMLButtonElement} button @param {HTMLElement} card @param {HTMLElement} place in the card, told to those who listen */
  constructor(button, card, place) {
    Object.assign(this, { button, card, place, found: null, busy: false });
    button.addEventListener("click", () => this.#verify());
  }

  /** Say it again, in the page's language. */
  speak() {
    if (this.found !== null && !this.busy) this.#tell();
  }

  async #verify() {
    if (this.busy) return;
    this.#working(true);
    this.card.hidden = false;
    this.card.dataset.tone = "";
    this.place.replaceChildren(make("p", { class: "walking" }, words("verify.walking")), make("progress", { "aria-label": words("verify.walking") }));
    try {
      const verification = await api("/api/audit/verification", { signal: AbortSignal.timeout(PATIENCE_MS) });
      const prunes = await new Pages("/api/audit", { action: "audit.prune", status: "ok", limit: 100 }).more();
      this.found = { verification, pruned: prunes.find(removed) ?? null };
      this.#working(false);
      this.#tell();
    } catch (problem) {
      this.#working(false);
      this.place.replaceChildren(trouble(problem));
    }
  }

  #working(on) {
    this.busy = on;
    this.button.setAttribute("aria-disabled", String(on));
    this.button.setAttribute("aria-busy", String(on));
  }

  #tell() {
    const { verification, pruned } = this.found;
    const { ok, proven, checked, from_seq, to_seq, heads, faults, fault_count, warnings, took_s } = verification;
    const word = proven ? "proven" : ok ? "ok" : "broken";
    this.card.dataset.tone = TONES[word];
    const told = words(`verdict.${word}`, { faults: fault_count, seq: verification.head?.seq ?? 0 });
    const range = words("verdict.range", { checked, from: from_seq, to: to_seq, heads, took: { ms: took_s * 1000 } });
    this.place.replaceChildren(
      make("p", { class: "verdict-word" }, shape(SHAPES[word]), told),
      make("p", { class: "under" }, checked === 0 ? words("verdict.empty") : range),
      faults.length > 0 ? make("ul", { class: "faults", tabindex: 0, "aria-label": told }, ...faults.map(fault)) : "",
      fault_count > faults.length ? make("p", { class: "under" }, words("verdict.first", { told: faults.length })) : "",
      ...warnings.map((warning) => make("p", { class: "warning" }, verbatim(warning))),
      make("dl", { class: "proof" }, ...headSays(verification.head), ...pruneSays(pruned)),
    );
  }
}

/** Whether an entry of a prune removed anything: a count, and a prune that found nothing, are entries too. */
const removed = ({ facts }) => !("dry_run" in facts) && facts.removed !== 0;

function fault({ seq, kind, sentence }) {
  return make("li", {}, make("b", { class: "mono" }, seq === null ? kind : `${seq} · ${kind}`), " ", verbatim(sentence));
}

function headSays(head) {
  if (head === null) return [term("verdict.head", [words("verdict.no_head")])];
  return [
    term("verdict.head", [`${words("verdict.head.seq", { seq: head.seq })}, `, timeOf(head.at)]),
    term("verdict.head.hash", [make("span", { class: "mono" }, head.hash)]),
    term("verdict.head.key", [make("span", { class: "mono" }, head.key)]),
  ];
}

function pruneSays(pruned) {
  if (pruned === null) return [term("verdict.pruned", [words("verdict.never_pruned")])];
  return [term("verdict.pruned", [timeOf(pruned.at), ` · ${pruned.actor}`])];
}

const term = (key, children) => make("div", {}, make("dt", {}, words(key)), make("dd", {}, ...children));
