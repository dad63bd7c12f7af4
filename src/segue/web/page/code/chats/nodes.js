/** Which node's chats are looked at: a choice only where there is another node, kept in the address. */

import { make } from "../build.js";
import { api } from "../shell/api.js";
import { words } from "../words.js";

export class Nodes {
  /** @param {HTMLSelectElement} select @param {(node: string) => void} onchoice */
  constructor(select, onchoice) {
    this.select = select;
    this.items = [];
    select.addEventListener("change", () => {
      const address = new URL(location.href);
      address.hash = "";
      if (this.chosen === "") address.searchParams.delete("node");
      else address.searchParams.set("node", this.chosen);
      history.pushState(null, "", address);
      onchoice(this.chosen);
    });
  }

  /** Ask which there are. Without an answer only this server's own chats are offered. */
  async load() {
    this.wanted = new URLSearchParams(location.search).get("node") ?? "";
    const plain = await api("/api/nodes").catch(() => ({ items: [] }));
    this.items = plain.items;
    this.show();
  }

  show() {
    const options = this.items.map(({ name, own, state }) => {
      const text = own ? words("nodes.own", { name }) : state === "dead" ? words("nodes.dead", { name }) : name;
      return make("option", { value: own ? "" : name }, text);
    });
    const kept = this.select.value || this.wanted;
    this.select.replaceChildren(...options);
    this.select.value = this.items.some(({ name, own }) => !own && name === kept) ? kept : "";
    this.select.closest("label").hidden = this.items.length < 2;
  }

  /** The chosen node; empty for the one that the page came from. */
  get chosen() {
    return this.select.value;
  }
}
