/**
 * The live settings: a switch on every provider, and the versions of what operators changed, each of which can be in
 * force again. Whoever changes something changes the version that is shown; the server tells them if it is an old one.
 */

import { make, put, shape, write } from "../build.js";
import { api } from "../shell/api.js";
import { field, question } from "../shell/dialog.js";
import { timeOf } from "../shell/times.js";
import { toast } from "../shell/toast.js";
import { words } from "../words.js";

const SCOPE = "rollout:write";
const SHOWN = 5;
const CONFIGURED = { version: 0, at: null, by: "", reason: "", live: { off: {}, first: {} } };

export class Governing {
  /** @param {(id: string) => HTMLElement} find @param {() => Promise<void>} onchanged */
  constructor(find, onchanged) {
    this.find = find;
    this.onchanged = onchanged;
    this.settings = null; // as `/api/settings` tells them
    this.versions = [];
    this.operator = null;
    find("providers").addEventListener("click", ({ target }) => {
      const button = target.closest("button[data-verb]");
      if (button) this.#turn(button.closest("tr").dataset.provider, button.dataset.verb);
    });
    find("versions").addEventListener("click", ({ target }) => {
      const button = target.closest("button[data-version]");
      if (button) this.#restore(Number(button.dataset.version));
    });
  }

  join(operator) {
    this.operator = operator;
  }

  /** Whether whoever looks may change anything. */
  get may() {
    return this.operator?.may(SCOPE) ?? false;
  }

  /** Read what is in force; the versions only where there is a new one. */
  async look() {
    const settings = await api("/api/settings");
    if (settings.version !== this.settings?.version) {
      this.versions = (await api(`/api/settings/versions?limit=${SHOWN}`)).items;
    }
    this.settings = settings;
  }

  show() {
    const { version, ignored, trouble } = this.settings;
    this.find("live-locked").hidden = this.may;
    write(this.find("live-locked"), words("live.locked", { scope: SCOPE }));
    const notes = [...ignored, ...(trouble ? [trouble] : [])];
    this.find("live-notes").hidden = notes.length === 0;
    write(this.find("live-notes"), notes.join(" "));
    this.find("unaltered").hidden = version > 0;
    const focused = this.#focused();
    put(this.find("versions"), ...(version > 0 ? [...this.versions, CONFIGURED].map((each) => this.#entry(each)) : []));
    if (focused !== null) this.find("versions").querySelector(`[data-version="${focused}"]`)?.focus();
  }

  #focused() {
    const { activeElement } = document;
    return this.find("versions").contains(activeElement) ? (activeElement.dataset.version ?? null) : null;
  }

  #entry({ version, at, by, reason, live }) {
    const current = version === this.settings.version;
    const name = version > 0 ? words("live.version", { version }) : words("live.configured");
    const again = make("button", { class: "plain", type: "button", "data-version": version }, words("live.restore"), make("span", { class: "unseen" }, ` ${name}`));
    return make(
      "li",
      {},
      make(
        "p",
        { class: "change" },
        make("b", {}, name),
        current ? make("span", { class: "word", "data-tone": "good" }, shape("pass"), words("live.in_force")) : null,
        by ? make("span", { class: "under" }, words("kill.by", { by })) : null,
        at === null ? null : timeOf(at, { class: "under" }),
      ),
      reason ? make("p", { class: "says" }, reason) : null,
      version > 0 ? make("p", { class: "under" }, told(live)) : null,
      this.may && !current ? make("p", { class: "again" }, again) : null,
    );
  }

  async #turn(name, verb) {
    if (this.settings === null || !this.may) return;
    const { version, live } = this.settings;
    const reason = make("textarea", { name: "reason", rows: 2, maxlength: 500, required: true });
    const done = await question({
      title: [`provider.ask.${verb}`, { name }],
      text: [`provider.text.${verb}`],
      yes: [`kill.yes.${verb}`],
      harm: verb === "off",
      fields: [field("kill.reason", reason, "live.reason.hint")],
      act: (answers) => {
        const why = inOneLine(answers.get("reason"));
        const off = { ...live.off };
        if (verb === "off") off[name] = why;
        else delete off[name];
        return api("/api/settings", { method: "PUT", json: { base: version, live: { off, first: live.first }, reason: why } });
      },
    });
    if (done === null) return this.onchanged(); // somebody may have been quicker: show what is in force now
    toast(`provider.done.${verb}`, { name });
    await this.onchanged();
  }

  async #restore(version) {
    if (!this.may) return;
    const name = version > 0 ? words("live.version", { version }) : words("live.configured");
    const { live } = [...this.versions, CONFIGURED].find((each) => each.version === version);
    const reason = make("textarea", { name: "reason", rows: 2, maxlength: 500, required: true });
    const done = await question({
      title: ["live.restore.ask", { name }],
      text: ["live.restore.text", { told: told(live) }],
      yes: ["live.restore.yes"],
      fields: [field("kill.reason", reason, "live.reason.hint")],
      act: (answers) => api("/api/settings/restore", { method: "POST", json: { version, reason: inOneLine(answers.get("reason")) } }),
    });
    if (done !== null) toast("live.restore.done", { version: done.version });
    await this.onchanged();
  }
}

/** The button of a provider, which switches it off or on again. */
export function switchOf({ name, state }) {
  const verb = state === "switched off" ? "on" : "off";
  const harm = verb === "off" ? " harm" : "";
  return make("button", { class: `plain${harm}`, type: "button", "data-verb": verb }, words(`kill.turn.${verb}`), make("span", { class: "unseen" }, ` ${name}`));
}

function told({ off, first }) {
  const parts = [
    ...Object.entries(off).map(([name, reason]) => words("live.off", { name, reason })),
    ...Object.entries(first).map(([role, name]) => words("live.first", { role: words(`role.${role}`), name })),
  ];
  return parts.length > 0 ? parts.join(" · ") : words("live.nothing");
}

const inOneLine = (text) => text.replaceAll(/\s+/g, " ").trim();
