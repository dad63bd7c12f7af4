/** What was said in a chat: the latest messages, those before them when they are asked for, and those of others since. */

import { api, Pages } from "../shell/api.js";
import { joinMore } from "../shell/shell.js";

const PAGE = 50;
const LATEST = 20;

export class Past {
  /**
   * @param {HTMLButtonElement} button asks for what was said before
   * @param {object} hooks
   * @param {(messages: object[]) => void} hooks.onmessages
   * @param {(run: object) => void} hooks.onrun a message has no reply yet: this is the run that makes it, or failed to
   */
  constructor(button, hooks) {
    this.button = button;
    this.hooks = hooks;
    this.close();
  }

  /** The latest messages of a chat. */
  async open(chat) {
    this.close();
    this.chat = chat;
    const pages = new Pages(address(chat), { order: "desc", limit: PAGE });
    const next = joinMore(this.button, pages, (items) => this.chat === chat && this.hooks.onmessages(items));
    await next();
    await this.look();
  }

  /** A chat that has just been made: nothing was said in it. */
  begin(chat) {
    this.close();
    this.chat = chat;
  }

  close() {
    this.chat = null;
    this.asked = new Set(); // runs that were asked about
    this.button.hidden = true;
  }

  /** See whether there is anything new. Without an answer nothing changes. */
  async look() {
    const chat = this.chat;
    const plain = await api(`${address(chat)}?order=desc&limit=${LATEST}`).catch(() => null);
    if (plain === null || chat !== this.chat) return;
    this.hooks.onmessages(plain.items);
    const answered = new Set(plain.items.filter(({ role }) => role === "assistant").map(({ run }) => run));
    for (const { run, role } of plain.items.toReversed()) {
      if (role === "user" && !answered.has(run) && !this.asked.has(run)) await this.#ask(run);
    }
  }

  async #ask(id) {
    this.asked.add(id);
    const run = await api(`/api/runs/${encodeURIComponent(id)}`).catch(() => null);
    if (run === null) this.asked.delete(id);
    else if (run.chat === this.chat && run.state !== "done") this.hooks.onrun(run);
  }
}

const address = (chat) => `/api/chats/${encodeURIComponent(chat)}/messages`;
