/** All rollouts, or how to start the first one. */

import { make, put, shape } from "../build.js";
import { api } from "../shell/api.js";
import { joinCopy } from "../shell/shell.js";
import { say, words } from "../words.js";
import { basis } from "./figures.js";
import { briefly } from "./sentence.js";

const EVERY_MS = 3_000;
const STEP = 50; // so many more at each press
const MOST = 500; // the server gives no more at once
const PLAN = "plans/voice-phase2.yaml";

export class List {
  /** @param {(id: string) => HTMLElement} find @param {(state: string) => void} onstate */
  constructor(find, onstate) {
    this.find = find;
    this.onstate = onstate;
    this.items = null;
    this.limit = STEP;
    find("more").addEventListener("click", () => {
      this.limit = Math.min(MOST, this.limit + STEP);
      this.#look();
    });
    find("start-command").textContent = `segue rollout start ${PLAN}`;
    say(find("start-elsewhere"), "none.elsewhere", { url: `--url ${location.origin}` });
    joinCopy(find("copy"), find("start-command"));
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
      const plain = await api(`/api/rollouts?limit=${this.limit}`);
      if (this.timer === null) return;
      this.find("more").hidden = plain.next === null || this.limit === MOST;
      this.items = plain.items;
      this.onstate("polling_list");
      this.show();
    } catch {
      if (this.timer !== null) this.onstate("lost");
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
