/**
 * What a rollout is doing, as it happens: a stream of events from the server, and questions every few seconds where the
 * stream does not come. It always says which of these it is.
 *
 * States: asking (nothing came yet), live, polling (no stream, but answers), lost (no answer), missing (no such rollout).
 */

import { api } from "../shell/api.js";

const SILENCE_MS = 12_000; // the server speaks at least every five seconds
const POLL_MS = 3_000;
const AGAIN_MS = 15_000; // so often the stream is tried anew while there is none
const PAGES = 50; // no attempt has more pages of decisions than this

export class Feed {
  /**
   * @param {object} hooks
   * @param {(status: object) => void} hooks.onstatus
   * @param {(decision: object) => void} hooks.ondecision
   * @param {(state: string) => void} hooks.onstate
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.name = null;
    this.state = "asking";
    setInterval(() => this.#watch(), 1000);
    addEventListener("online", () => this.name && this.#connect());
    document.addEventListener("visibilitychange", () => document.hidden || this.#watch());
  }

  /** Follow a rollout instead of what was followed before. */
  open(name) {
    this.close();
    this.name = name;
    this.#become("asking");
    this.#connect();
  }

  close() {
    this.source?.close();
    this.source = null;
    this.name = null;
  }

  /** All decisions of an attempt, oldest first. */
  async decisions(attempt) {
    const found = [];
    let after = 0;
    for (let page = 0; page < PAGES; page += 1) {
      const plain = await api(`${address(this.name)}/decisions?attempt=${attempt}&after=${after}`);
      found.push(...plain.items);
      if (plain.next === null || plain.next === undefined || plain.items.length === 0) break;
      after = plain.items.at(-1).number;
    }
    return found;
  }

  /** Ask for the status now. Of answers that overtake one another only the latest question's counts. */
  async look() {
    const name = this.name;
    this.asked_at = performance.now();
    try {
      const status = await api(address(name));
      if (name !== this.name) return;
      if (this.state !== "live") this.#become("polling");
      this.hooks.onstatus(status);
    } catch (error) {
      if (name !== this.name) return;
      if (this.state === "live") return;
      this.#become(error.status === 404 ? "missing" : "lost");
    }
  }

  #connect() {
    this.source?.close();
    const source = new EventSource(`${address(this.name)}/events`);
    this.source = source;
    this.tried_at = performance.now();
    const heard = (hook) => (event) => {
      if (source !== this.source) return;
      this.heard_at = performance.now();
      this.#become("live");
      hook(JSON.parse(event.data));
    };
    source.addEventListener("status", heard(this.hooks.onstatus));
    source.addEventListener("decision", heard(this.hooks.ondecision));
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      if (this.state === "live" || this.state === "asking") this.#fall();
    });
  }

  /** The stream is gone, or never came: ask instead. */
  #fall() {
    this.source?.close();
    this.source = null;
    if (this.state === "live") this.#become("asking");
    this.look();
  }

  #watch() {
    if (this.name === null || document.hidden) return;
    const now = performance.now();
    if (this.state === "live" && now - this.heard_at > SILENCE_MS) return this.#fall();
    if (this.source && this.state === "asking" && now - this.tried_at > SILENCE_MS) return this.#fall();
    if (this.state === "live" || this.state === "asking") return;
    if (now - this.tried_at > AGAIN_MS) this.#connect();
    if (now - this.asked_at > POLL_MS) this.look();
  }

  #become(state) {
    if (state === this.state && state !== "asking") return;
    this.state = state;
    this.hooks.onstate(state);
  }
}

/** Where a rollout is in the API. */
export const address = (name) => `/api/rollouts/${encodeURIComponent(name)}`;
