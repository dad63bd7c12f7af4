/** The chats of a node, newest first; the one that is open is marked. */

import { make } from "../build.js";
import { Pages } from "../shell/api.js";
import { joinMore } from "../shell/shell.js";
import { timeOf } from "../shell/times.js";
import { trouble } from "../shell/trouble.js";

export class List {
  /**
   * @param {{place: HTMLElement, more: HTMLButtonElement, none: HTMLElement}} places
   */
  constructor({ place, more, none }) {
    Object.assign(this, { place, more, none });
    this.known = new Map(); // id → {chat, item}
    this.open = null;
  }

  /** Load the chats of a node from the first page on; of this server's own where none is named. */
  async load(node) {
    this.known.clear();
    this.place.replaceChildren();
    this.none.hidden = true;
    const pages = new Pages("/api/chats", { node, limit: 50 });
    this.pages = pages;
    const next = joinMore(this.more, pages, (items) => pages === this.pages && this.#add(items));
    try {
      await next();
    } catch (problem) {
      if (pages === this.pages) this.place.replaceChildren(make("li", {}, trouble(problem)));
    }
    this.none.hidden = this.place.childElementCount > 0;
  }

  /** See whether others have opened chats. Without an answer nothing changes. */
  async look() {
    const pages = this.pages;
    const found = await new Pages(pages.path, Object.fromEntries(pages.query)).more().catch(() => []);
    if (pages === this.pages) for (const chat of found) this.put(chat);
  }

  /** A chat that was just opened here, or that is looked at and is not among those on the page yet. */
  put(chat) {
    if (this.known.has(chat.id)) return;
    const item = this.#item(chat);
    const later = [...this.known.values()].filter((one) => one.chat.at > chat.at).length;
    this.place.insertBefore(item, this.place.children[later] ?? null);
    this.known.set(chat.id, { chat, item });
    this.none.hidden = true;
    this.mark(this.open);
  }

  remove(id) {
    this.known.get(id)?.item.remove();
    this.known.delete(id);
    this.none.hidden = this.known.size > 0;
  }

  /** Mark the one that is open; null for none. */
  mark(id) {
    this.open = id;
    for (const [known, { item }] of this.known) {
      const link = item.querySelector("a");
      if (known === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  #add(chats) {
    for (const chat of chats) {
      if (this.known.has(chat.id)) continue;
      const item = this.#item(chat);
      this.known.set(chat.id, { chat, item });
      this.place.append(item);
    }
    this.mark(this.open);
  }

  #item(chat) {
    const title = make("span", { class: "chat-title", dir: "auto" }, chat.title);
    const under = make("span", { class: "chat-under" }, make("span", { dir: "auto" }, chat.owner), timeOf(chat.at));
    return make("li", {}, make("a", { href: `#/${encodeURIComponent(chat.id)}` }, title, under));
  }
}
