/** The table of the keys: the newest first, and below those that are no longer good. */

import { make, shape } from "../build.js";
import { timeOf } from "../shell/times.js";
import { words } from "../words.js";

const LOOKS = { good: ["pass", "good"], expired: ["wait", "warn"], revoked: ["breach", "bad"] };
const STRONG = new Set(["admin"]);

export class Rows {
  /**
   * @param {HTMLElement} place the body of the table
   * @param {{onrotate: (key: object) => void, onrevoke: (key: object) => void}} hooks
   */
  constructor(place, hooks) {
    this.place = place;
    this.hooks = hooks;
    this.keys = [];
    this.operator = null;
  }

  clear() {
    this.keys = [];
  }

  /** More keys, older than those that are there. */
  add(keys) {
    this.keys.push(...keys);
    this.show();
  }

  /** A new key, or the new state of one. */
  put(key, { first = false } = {}) {
    const at = this.keys.findIndex(({ id }) => id === key.id);
    if (at >= 0) this.keys[at] = key;
    else if (first) this.keys.unshift(key);
    this.show();
  }

  /** Whether it is the key with which whoever looks signed in. */
  isOwn({ id }) {
    return this.operator?.via.endsWith(`:${id}`) ?? false;
  }

  /** All of them anew; the focus stays where it was, as far as that is still there. */
  show() {
    const { verb } = document.activeElement.dataset;
    const id = this.place.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.key : null;
    const ended = (key) => (key.state === "good" ? 0 : 1);
    const sorted = this.keys.toSorted((one, other) => ended(one) - ended(other));
    this.place.replaceChildren(...sorted.map((key) => this.#row(key)));
    if (id === null) return;
    const button = this.place.querySelector(`[data-key="${id}"] [data-verb="${verb}"]`);
    if (button) button.focus();
    else this.focus({ id });
  }

  focus({ id }) {
    this.place.querySelector(`[data-key="${id}"] th`)?.focus();
  }

  #row(key) {
    const name = make("th", { scope: "row", tabindex: "-1" }, make("span", { dir: "auto" }, key.name), this.#under(key));
    const row = make(
      "tr",
      { "data-key": key.id, "data-state": key.state },
      name,
      cell("keys.scopes", make("ul", { class: "chips" }, ...key.scopes.map(chip))),
      cell("keys.state", stateOf(key)),
      cell("keys.created", make("span", {}, timeOf(key.created_at), by(key.made_by))),
      cell("keys.expires", key.expires_at === null ? words("keys.never") : timeOf(key.expires_at)),
      cell("keys.used", key.used_at === null ? words("keys.unused") : timeOf(key.used_at)),
    );
    row.append(make("td", {}, key.state === "good" ? this.#does(key) : null));
    return row;
  }

  #under(key) {
    const own = this.isOwn(key) ? make("span", { class: "own" }, words("keys.own")) : null;
    return make("span", { class: "under" }, make("span", { class: "mono" }, key.id), own);
  }

  #does(key) {
    const button = (verb, hook) => {
      const text = words(`keys.${verb}`);
      const made = make("button", { class: "plain", type: "button", "data-verb": verb, "aria-label": `${text}: ${key.name} ${key.id}` }, text);
      made.addEventListener("click", () => hook(key));
      return made;
    };
    return make("span", { class: "does" }, button("rotate", this.hooks.onrotate), button("revoke", this.hooks.onrevoke));
  }
}

const cell = (name, ...children) => make("td", { "data-name": words(name) }, ...children);

const by = (name) => make("span", { class: "under", dir: "auto" }, words("keys.by", { name }));

const chip = (scope) => make("li", { class: "chip", "data-strong": STRONG.has(scope), title: words(`scope.${scope}`) }, scope);

function stateOf({ state, revoked_at }) {
  const [picture, tone] = LOOKS[state];
  const word = make("span", { class: "word", "data-tone": tone }, shape(picture), words(`keys.state.${state}`));
  return revoked_at === null ? word : make("span", {}, word, make("span", { class: "under" }, timeOf(revoked_at)));
}
