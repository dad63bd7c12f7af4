/** What happened, newest first: each decision as a sentence, with who made it and when. */

import { make, shape, verbatim } from "../build.js";
import { moment } from "../shell/times.js";
import { words } from "../words.js";
import { decided } from "./sentence.js";

const SHAPES = {
  started: "running",
  waited: "wait",
  held: "hold",
  advanced: "up",
  promoted: "promoted",
  stepped_back: "down",
  dropped: "down",
  rolled_back: "rolled_back",
  warned: "breach",
  paused: "paused",
  resumed: "running",
  approved: "person",
  frozen: "frozen",
  thawed: "running",
  retried: "retry",
};
const TONES = {
  advanced: "good",
  promoted: "good",
  held: "warn",
  warned: "warn",
  paused: "warn",
  frozen: "warn",
  stepped_back: "bad",
  dropped: "bad",
  rolled_back: "bad",
};

export class Log {
  /**
   * @param {HTMLElement} place an ordered list in a region that is a log
   * @param {HTMLButtonElement} earlier asks for the attempt before the earliest one that is shown
   * @param {(attempt: number) => Promise<object[]>} fetch all decisions of an attempt
   */
  constructor(place, earlier, fetch) {
    this.place = place;
    this.earlier = earlier;
    this.fetch = fetch;
    this.clear();
    earlier.addEventListener("click", () => this.load(this.earliest - 1));
  }

  clear() {
    this.known = new Map();
    this.earliest = 0;
    this.latest = 0;
    this.loaded = false;
    this.place.replaceChildren();
    this.earlier.hidden = true;
  }

  /** A status came: load its attempt's decisions, if it is one whose decisions were not asked for yet. */
  async follow(attempt) {
    if (attempt === this.latest) return;
    this.latest = attempt;
    this.earliest = this.earliest === 0 ? attempt : this.earliest;
    await this.load(attempt);
  }

  async load(attempt) {
    this.earlier.disabled = true;
    try {
      for (const decision of await this.fetch(attempt)) this.#keep(decision);
      this.earliest = Math.min(this.earliest, attempt);
      this.loaded = true;
      this.show();
    } catch {
      if (attempt === this.latest) this.latest = 0; // the next status asks again
    } finally {
      this.earlier.disabled = false;
    }
  }

  /** One more, just made. */
  add(decision) {
    const newest = [...this.known.values()].every((one) => before(one, decision));
    if (!this.#keep(decision) || !this.loaded) return;
    if (newest && this.place.childElementCount > 0) this.place.prepend(entry(decision, { fresh: true, several: this.#several() }));
    else this.show();
  }

  /** All again, in the page's language. */
  show() {
    const sorted = [...this.known.values()].sort((one, other) => (before(one, other) ? 1 : -1));
    const several = this.#several();
    this.place.parentElement.setAttribute("aria-busy", "true");
    this.place.replaceChildren(...sorted.map((decision) => entry(decision, { fresh: false, several })));
    this.place.parentElement.setAttribute("aria-busy", "false");
    this.earlier.hidden = this.earliest <= 1;
    this.earlier.textContent = words("events.earlier", { attempt: this.earliest - 1 });
  }

  #several() {
    return new Set([...this.known.values()].map(({ attempt }) => attempt)).size > 1;
  }

  #keep(decision) {
    const key = `${decision.attempt}/${decision.number}`;
    const fresh = !this.known.has(key);
    this.known.set(key, decision);
    return fresh;
  }
}

const before = (one, other) => one.attempt < other.attempt || (one.attempt === other.attempt && one.number < other.number);

function entry(decision, { fresh, several }) {
  const at = new Date(decision.at * 1000);
  const own = decision.actor === "controller";
  const attempt = several ? make("span", { class: "which" }, words("events.attempt", { attempt: decision.attempt })) : null;
  return make(
    "li",
    { class: fresh ? "fresh" : null, "data-kind": decision.kind, "data-tone": TONES[decision.kind] ?? "plain" },
    make("span", { class: "mark", "aria-hidden": "true" }, shape(SHAPES[decision.kind] ?? "note")),
    make(
      "div",
      {},
      make(
        "p",
        { class: "what" },
        make("b", {}, decided(decision)),
        make("span", { class: "who", "data-own": own ? "yes" : "no" }, own ? words("events.own") : decision.actor),
        attempt,
        make("time", { datetime: at.toISOString(), title: at.toLocaleString() }, moment(decision.at)),
      ),
      decision.reason ? make("p", { class: "because" }, verbatim(decision.reason)) : null,
    ),
  );
}
