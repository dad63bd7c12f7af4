/** All rollouts, or how to start the first one. */

import { words } from "../words.js";
import { make, put, shape, write } from "./build.js";
import { ask } from "./feed.js";
import { basis } from "./figures.js";
import { briefly } from "./sentence.js";

const EVERY_MS = 3_000;
const COPIED_MS = 2_000;
const USUAL = "http://127.0.0.1:8002"; // where the command line looks for the server unless it is told
const PLAN = "plans/voice-phase2.yaml";

export class List {
  /** @param {(id: string) => HTMLElement} find @param {(state: string) => void} onstate */
  constructor(find, onstate) {
    this.find = find;
    this.onstate = onstate;
    this.items = null;
    const there = location.origin === USUAL ? "" : ` --url ${location.origin}`;
    find("start-command").textContent = `segue rollout start ${PLAN}${there}`;
    find("copy").addEventListener("click", () => this.#copy());
  }

  open() {
    this.#look();
    this.timer = setInterval(() => document.hidden || this.#look(), EVERY_MS);
  }

  close() {
    clearInterval(this.timer);
    this.timer = null;
  }

  show() {
    if (this.items === null) return;
    this.find("none").hidden = this.items.length > 0;
    this.find("rollouts").hidden = this.items.length === 0;
    put(this.find("rollouts"), ...this.items.map(card));
    for (const bar of this.find("rollouts").querySelectorAll("[data-share]")) {
      bar.style.setProperty("--share", (Number(bar.dataset.share) / 10_000).toFixed(4));
    }
  }

  async #look() {
    try {
      const plain = await ask("/api/rollouts");
      if (this.timer === null) return;
      this.items = plain.items;
      this.onstate("polling_list");
      this.show();
    } catch {
      if (this.timer !== null) this.onstate("lost");
    }
  }

  async #copy() {
    const code = this.find("start-command");
    const button = this.find("copy");
    try {
      await navigator.clipboard.writeText(code.textContent);
      write(button, words("none.copied"));
      setTimeout(() => write(button, words("none.copy")), COPIED_MS);
    } catch {
      getSelection().selectAllChildren(code); // no clipboard here: it can be copied with the keyboard now
    }
  }
}

function card(status) {
  return make(
    "li",
    {},
    make(
      "a",
      { class: "card", href: `#/${encodeURIComponent(status.name)}` },
      make(
        "span",
        { class: "title" },
        make("b", { class: "card-name" }, status.name),
        make("span", { class: "phase", "data-phase": status.phase }, shape(status.phase), words(`phase.${status.phase}`)),
      ),
      make("span", { class: "card-says" }, briefly(status)),
      make("span", { class: "split", "aria-hidden": "true" }, make("span", { "data-share": status.share_bp })),
      make("span", { class: "card-share" }, basis(status.share_bp)),
    ),
  );
}
