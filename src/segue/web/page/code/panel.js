/** The live panel: the stages of the turn, how its playback goes, and by which way it came. */

import { badge } from "./conversation.js";
import { median, sparkline } from "./sparkline.js";
import { duration, figure, hush, label, say, words } from "./words.js";

const FULL_MS = 3000; // the buffer gauge is full at this much

export class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.stages = root.querySelector("#stages");
    this.strip = root.querySelector("#strip");
    this.strip.addEventListener("click", () => this.toggle());
    this.shown = { turn: null, numbers: null, history: [], connection: "connecting", provider: null };
    this.#buildStages();
  }

  /** On narrow screens the figures are folded away below a strip. */
  toggle(open = this.strip.getAttribute("aria-expanded") !== "true") {
    this.strip.setAttribute("aria-expanded", String(open));
    label(this.strip, open ? "panel.close" : "panel.open");
    this.root.classList.toggle("open", open);
  }

  get isOpen() {
    return this.root.classList.contains("open");
  }

  /** Show these; what is left out stays as it was. */
  show(changes) {
    Object.assign(this.shown, changes);
    const { turn, numbers, connection } = this.shown;
    this.#put("connection", words(`connection.${connection}`));
    this.#showNumbers(numbers);
    if (turn) this.#showTurn(turn);
    else this.#showNoTurn();
    if ("history" in changes || "language" in changes) this.#showHistory();
  }

  #showTurn(turn) {
    this.#put("ttfa", duration(turn.ttfa_ms));
    const under = this.root.querySelector("#first-played");
    const { first_played } = turn.marks;
    if (first_played === undefined) say(under, turn.isActive ? "status.waiting" : `status.${turn.state}`);
    else say(under, "panel.first_played", { time: { ms: first_played } });
    this.#put("voice", turn.meta?.voice ?? "–");
    this.#put("model", turn.meta?.model ?? "–");
    this.#put("variant", turn.meta?.variant ?? "–");
    this.#put("provider", turn.provider ?? "–");
    this.#showStages(turn);
    const badges = this.root.querySelector("#badges");
    if (badges.childElementCount !== turn.degraded.length) badges.replaceChildren(...turn.degraded.map(badge));
  }

  #showNoTurn() {
    for (const name of ["ttfa", "voice", "model", "variant", "provider"]) this.#put(name, "–");
    say(this.root.querySelector("#first-played"), "panel.idle");
    this.root.querySelector("#badges").replaceChildren();
    this.#showStages(null);
  }

  #showNumbers(numbers) {
    if (!numbers) return;
    const heard = numbers.player !== "none";
    this.#put("buffered", heard ? duration(numbers.buffered_ms) : "–");
    this.#put("cushion", duration(numbers.cushion_ms));
    const value = { events: numbers.underflow_events, time: { ms: numbers.underflow_ms } };
    this.#put("underflows", words("panel.underflows.value", value));
    this.#put("underflow_events", figure(numbers.underflow_events));
    this.#put("played", heard ? words("unit.s", { number: figure(numbers.played_s, 1) }) : "–");
    this.#put("player", words(`player.${numbers.player}`));
    this.root.classList.toggle("starved", numbers.underflow_events > 0);
    this.#bar("buffered", numbers.buffered_ms / FULL_MS);
    this.#bar("cushion", numbers.cushion_ms / FULL_MS);
  }

  #buildStages() {
    for (const name of ["request", "first_token", "first_sentence", "first_audio", "playing", "done"]) {
      const item = document.createElement("li");
      item.dataset.stage = name;
      const label = item.appendChild(document.createElement("span"));
      label.className = "stage";
      say(label, `stage.${name}`);
      const track = item.appendChild(document.createElement("span"));
      track.className = "track";
      track.append(document.createElement("span"));
      const ms = item.appendChild(document.createElement("span"));
      ms.className = "ms";
      ms.textContent = "–";
      this.stages.append(item);
    }
  }

  /** Each stage's bar runs from the moment before it to its own; the whole width is the time until it was heard. */
  #showStages(turn) {
    const stages = turn?.stages ?? [];
    const scale = Math.max(1, ...stages.filter(({ name }) => name !== "done").map(({ ms }) => ms ?? 0));
    let before = 0;
    for (const item of this.stages.children) {
      const ms = stages.find(({ name }) => name === item.dataset.stage)?.ms ?? null;
      const bar = item.querySelector(".track > span");
      item.classList.toggle("reached", ms !== null);
      item.querySelector(".ms").textContent = ms === null ? "–" : duration(ms);
      const from = Math.min(1, before / scale);
      const to = Math.min(1, (ms ?? before) / scale);
      bar.style.setProperty("--from", from.toFixed(4));
      bar.style.setProperty("--length", Math.max(0, to - from).toFixed(4));
      if (ms !== null) before = Math.max(before, ms);
    }
    const reached = stages.findLast(({ ms, name }) => ms !== null && name !== "done");
    for (const item of this.stages.children) {
      item.classList.toggle("now", turn?.isActive === true && item.dataset.stage === reached?.name);
    }
  }

  #showHistory() {
    const { history } = this.shown;
    const section = this.root.querySelector("#history");
    const summary = this.root.querySelector("#history-summary");
    section.hidden = history.length < 2;
    if (history.length < 2) return hush(summary);
    const values = { count: history.length, median: { ms: median(history) } };
    say(summary, "panel.history.summary", values);
    this.root.querySelector("#sparkline").replaceChildren(sparkline(history, words("panel.history.summary", values)));
  }

  #put(name, text) {
    for (const element of this.root.querySelectorAll(`[data-shows="${name}"]`)) {
      if (element.textContent !== text) element.textContent = text;
    }
  }

  #bar(name, share) {
    for (const element of this.root.querySelectorAll(`[data-bar="${name}"]`)) {
      element.style.setProperty("--share", Math.min(1, Math.max(0, share)).toFixed(3));
    }
  }
}
