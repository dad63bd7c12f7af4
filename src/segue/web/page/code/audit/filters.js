/** The filters: a form that says the same as the address, so that what was found can be kept and handed on. */

import { make } from "../build.js";
import { words } from "../words.js";

const NAMES = ["actor", "action", "target", "status", "node", "chat", "since", "until"];
const MOMENTS = new Set(["since", "until"]);
const STATUSES = ["ok", "replayed", "refused", "failed"];
const ACTIONS = [
  "audit.export",
  "audit.prune",
  "audit.read",
  "audit.verify",
  "chat.open",
  "chat.remove",
  "key.create",
  "key.first",
  "key.revoke",
  "key.rotate",
  "message.send",
  "providers.change",
  "reply.write",
  "rollout.advance",
  "rollout.approve",
  "rollout.drop",
  "rollout.freeze",
  "rollout.hold",
  "rollout.pause",
  "rollout.promote",
  "rollout.resume",
  "rollout.retry",
  "rollout.roll_back",
  "rollout.start",
  "rollout.step_back",
  "rollout.thaw",
  "rollout.warn",
  "session.close",
  "session.open",
  "settings.change",
  "switch.turn",
];

export class Filters {
  /** @param {HTMLFormElement} form @param {() => void} onchange the filters are others now */
  constructor(form, onchange) {
    this.form = form;
    form.querySelector("#actions").replaceChildren(...ACTIONS.map((value) => make("option", { value })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write();
      onchange();
    });
    form.addEventListener("reset", () => {
      history.pushState(null, "", location.pathname);
      onchange();
    });
    addEventListener("popstate", () => {
      this.read();
      onchange();
    });
  }

  /** Fill the form with what the address says. */
  read() {
    const query = new URLSearchParams(location.search);
    for (const name of NAMES) this.form.elements[name].value = query.get(name) ?? "";
  }

  /** Name the outcomes in the page's language. */
  show() {
    const select = this.form.elements.status;
    const kept = select.value;
    const named = STATUSES.map((value) => make("option", { value }, words(`status.${value}`)));
    select.replaceChildren(make("option", { value: "" }, words("filters.any")), ...named);
    select.value = kept;
  }

  /** What is asked of the server: moments as Unix seconds, nothing that is empty. */
  get query() {
    const found = {};
    for (const name of NAMES) {
      const value = this.form.elements[name].value.trim();
      if (value !== "") found[name] = MOMENTS.has(name) ? new Date(value).getTime() / 1000 : value;
    }
    return found;
  }

  #write() {
    const address = new URL(location.href);
    for (const name of NAMES) {
      const value = this.form.elements[name].value.trim();
      if (value === "") address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    history.pushState(null, "", address);
  }
}
