/**
 * The messages of a chat in their order, with those on their way at the end. Texts are shown as they were written; no
 * part of one is ever taken for markup.
 */

import { troubleKey } from "../conversation.js";
import { make } from "../build.js";
import { hasWords, say, words } from "../words.js";
import { day, moment } from "./moments.js";

const NEAR_PX = 160;
const WAITING = new Set(["sending", "writing", "lost", "limited"]);

export class Thread {
  /**
   * @param {{log: HTMLElement, scroll: HTMLElement}} places
   * @param {{onagain, ondrop, onedit}} hooks what can be done with a reply that waits or failed
   */
  constructor({ log, scroll }, hooks) {
    this.log = log;
    this.scroll = scroll;
    this.hooks = hooks;
    this.clear();
  }

  clear() {
    this.known = new Map(); // id of a message → its article
    this.views = new Map(); // Reply → its elements
    this.log.replaceChildren();
  }

  /** Whether this one is among what is shown as on its way. */
  has(reply) {
    return this.views.has(reply);
  }

  get isEmpty() {
    return this.known.size === 0 && this.views.size === 0;
  }

  /** Messages the server keeps. Those before what is shown leave the eye where it is. Returns those that are new. */
  put(messages) {
    const fresh = messages.filter(({ id }) => !this.known.has(id));
    for (const message of messages) this.#correct(message);
    if (fresh.length === 0) return fresh;
    const atEnd = this.#fromEnd() < NEAR_PX;
    const from_px = this.scroll.scrollHeight - this.scroll.scrollTop;
    const first = this.log.querySelector("article");
    const earlier = first !== null && fresh.every(({ at }) => at <= Number(first.dataset.at));
    for (const message of fresh) this.#place(this.#said(message));
    this.#days();
    if (earlier) this.scroll.scrollTop = this.scroll.scrollHeight - from_px;
    else if (atEnd) this.toEnd();
    return fresh;
  }

  /** Show a message on its way, and room for its reply. Somebody else's has its message here already. */
  follow(reply) {
    const asked = reply.key === null ? null : this.#asked(reply);
    const answer = make("article", { class: "reply", "data-at": Infinity, "aria-busy": "true" });
    answer.dataset.label = "thread.reply";
    answer.setAttribute("aria-label", words("thread.reply"));
    const text = answer.appendChild(make("p", { class: "words", dir: "auto" }));
    const asides = answer.appendChild(make("ul", { class: "asides" }));
    const foot = answer.appendChild(make("footer", { class: "foot" }));
    this.log.append(...[asked, answer].filter(Boolean));
    this.views.set(reply, { asked, answer, text, asides, foot, trouble: null });
    this.#days();
    this.show(reply);
    this.toEnd();
  }

  /** Bring one on its way up to date. */
  show(reply) {
    const view = this.views.get(reply);
    if (!view) return;
    const atEnd = this.#fromEnd() < NEAR_PX;
    if (reply.state === "dropped") return this.#remove(reply);
    if (reply.message && view.asked) this.#keep(view.asked, reply.message);
    if (view.text.textContent !== reply.text) view.text.textContent = reply.text;
    view.answer.dataset.state = reply.state;
    this.#asides(view, reply);
    this.#foot(view, reply);
    this.#trouble(view, reply);
    if (reply.isOver) view.answer.removeAttribute("aria-busy");
    if (reply.state === "done") {
      this.#keep(view.answer, reply.answer);
      this.views.delete(reply);
      this.#days();
    }
    if (atEnd) this.toEnd();
  }

  /** The countdowns go on. */
  tick() {
    for (const [reply, view] of this.views) if (reply.state === "limited") this.#foot(view, reply);
  }

  /** Say everything again, in the page's language. */
  speak() {
    for (const article of this.log.querySelectorAll("article[data-id]")) this.#stamp(article);
    this.#days();
    for (const reply of this.views.keys()) this.show(reply);
  }

  toEnd() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  #asked(reply) {
    const asked = make("article", { class: "asked", "data-at": reply.at });
    asked.dataset.label = "thread.you";
    asked.setAttribute("aria-label", words("thread.you"));
    asked.append(make("p", { class: "words", dir: "auto" }, reply.body.text), make("footer", { class: "foot" }));
    return asked;
  }

  #said(message) {
    const mine = message.role === "user";
    const article = make("article", { class: mine ? "asked" : "reply", "data-state": mine ? null : "done" });
    article.append(make("p", { class: "words", dir: "auto" }, message.text), make("footer", { class: "foot" }));
    this.#keep(article, message);
    return article;
  }

  /** This article is that message, as the server keeps it. */
  #keep(article, message) {
    if (this.known.get(message.id) === article) return;
    this.known.get(message.id)?.remove(); // it came by another way in between
    this.known.set(message.id, article);
    Object.assign(article.dataset, { id: message.id, at: message.at, run: message.run ?? "", operator: message.operator });
    article.querySelector(".words").textContent = message.text;
    this.#stamp(article);
  }

  /** A message that was sent from here has the server's time now. */
  #correct({ id, at }) {
    const article = this.known.get(id);
    if (!article || Number(article.dataset.at) === at) return;
    article.dataset.at = at;
    this.#stamp(article);
  }

  #stamp(article) {
    const { at, operator } = article.dataset;
    const label = words(article.classList.contains("asked") ? "thread.from" : "thread.to", { operator });
    article.setAttribute("aria-label", label);
    const time = make("time", { datetime: new Date(at * 1000).toISOString() }, moment(Number(at)));
    const who = article.classList.contains("asked") ? [make("span", { class: "who" }, operator)] : [];
    article.querySelector(":scope > .foot").replaceChildren(...who, time);
  }

  #place(article) {
    const at = Number(article.dataset.at);
    const after = [...this.log.querySelectorAll("article")].find((one) => Number(one.dataset.at) > at);
    this.log.insertBefore(article, after ?? null);
  }

  /** A line between two messages of different days. */
  #days() {
    for (const line of this.log.querySelectorAll(".day")) line.remove();
    let before = "";
    for (const article of this.log.querySelectorAll("article[data-id]")) {
      const now = day(Number(article.dataset.at));
      if (now !== before) article.before(make("p", { class: "day" }, now));
      before = now;
    }
  }

  #asides(view, reply) {
    const lines = reply.degraded.map(({ reason, message }) => {
      const known = `degraded.${reason}`;
      const line = make("li", { class: "aside", title: message || reason });
      say(line, hasWords(known) ? known : "badge.degraded");
      return line;
    });
    if (lines.length !== view.asides.childElementCount) view.asides.replaceChildren(...lines);
  }

  /** What it waits for, if it does. */
  #foot(view, reply) {
    const { state, text, until } = reply;
    const foot = view.foot;
    if (!WAITING.has(state) || (state === "writing" && text !== "")) return foot.replaceChildren();
    const known = foot.querySelector(".note") ?? foot.appendChild(make("span", { class: "note" }));
    const left_s = state === "limited" ? Math.max(0, Math.ceil((until - performance.now()) / 1000)) : 0;
    say(known, `thread.state.${state}`, state === "limited" ? { seconds: left_s } : {});
    const drop = foot.querySelector("button");
    if (state === "limited" && !drop) foot.append(this.#button("thread.drop", () => this.hooks.ondrop(reply)));
    else if (state !== "limited") drop?.remove();
  }

  /** What went wrong, in words, and what can be done about it. */
  #trouble(view, reply) {
    if (reply.state !== "failed" || view.trouble !== null) {
      if (reply.state !== "failed") view.trouble = view.trouble?.remove() ?? null;
      return;
    }
    const { code, message, retryable, node } = reply.error;
    view.trouble = make("div", { class: "trouble", role: "alert" });
    const sentence = view.trouble.appendChild(make("p"));
    if (code === "node_down") say(sentence, "error.node_down.named", { node: node ?? reply.chat.split(".")[0] });
    else say(sentence, troubleKey(code));
    if (message) view.trouble.append(make("p", { class: "detail", lang: "en" }, message));
    if (reply.key !== null) {
      const again = retryable ? [this.#button("action.again", () => this.hooks.onagain(reply))] : [];
      const edit = reply.message ? [] : [this.#button("action.edit", () => this.hooks.onedit(reply))];
      view.trouble.append(make("p", { class: "actions" }, ...again, ...edit));
    }
    view.answer.append(view.trouble);
  }

  #button(key, act) {
    const button = make("button", { type: "button", class: "plain" });
    say(button, key);
    button.addEventListener("click", act);
    return button;
  }

  #remove(reply) {
    const { asked, answer } = this.views.get(reply);
    asked?.remove();
    answer.remove();
    this.views.delete(reply);
  }

  #fromEnd() {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
  }
}
