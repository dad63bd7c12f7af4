/** The entries, newest first: a row each, and under it on request everything that is kept of it. */

import { make, shape } from "../build.js";
import { exactly, timeOf } from "../shell/times.js";
import { figure, hasWords, words } from "../words.js";

const TONES = { ok: "good", replayed: "", refused: "warn", failed: "bad" };
const SHAPES = { ok: "pass", replayed: "retry", refused: "lock", failed: "breach" };

export class Entries {
  /** @param {HTMLElement} place the body of a table */
  constructor(place) {
    this.place = place;
    this.clear();
  }

  clear() {
    this.known = [];
    this.place.replaceChildren();
  }

  add(entries) {
    this.known.push(...entries);
    this.place.append(...entries.flatMap(rows));
  }

  /** All again, in the page's language; what is open stays open. */
  speak() {
    const open = new Set([...this.place.querySelectorAll("[aria-expanded=true]")].map((button) => button.dataset.seq));
    this.place.replaceChildren(...this.known.flatMap(rows));
    for (const button of this.place.querySelectorAll("[aria-expanded]")) if (open.has(button.dataset.seq)) toggle(button);
  }
}

function rows(entry) {
  const details = make("tr", { class: "details", id: `details-${entry.seq}`, hidden: true });
  const button = make("button", {
    type: "button",
    class: "icon opens",
    "aria-expanded": "false",
    "aria-controls": details.id,
    "aria-label": words("entry.open", { seq: String(entry.seq) }),
    "data-seq": entry.seq,
  });
  button.append(shape("below"));
  button.addEventListener("click", () => {
    if (!details.hasChildNodes()) details.append(make("td", { colspan: 6 }, all(entry)));
    toggle(button);
  });
  return [line(entry, button), details];
}

function toggle(button) {
  const details = button.closest("tr").nextElementSibling;
  if (!details.hasChildNodes()) return button.click();
  details.hidden = !details.hidden;
  button.setAttribute("aria-expanded", String(!details.hidden));
}

function line(entry, button) {
  const { at, actor, via, action, target, status } = entry;
  const exact = make("span", { class: "under" }, exactly(at));
  return make(
    "tr",
    { "data-seq": entry.seq, "data-status": status },
    make("td", { class: "at" }, make("span", {}, timeOf(at), exact)),
    make("td", { "data-name": words("entry.actor") }, make("span", {}, make("b", { dir: "auto" }, actor), make("span", { class: "under mono" }, via))),
    make("th", { scope: "row" }, action),
    make("td", { "data-name": words("entry.target") }, make("span", { class: "mono target" }, target || "–")),
    make("td", { "data-name": words("entry.status") }, make("span", {}, ...outcome(entry))),
    make("td", { class: "opens-cell" }, button),
  );
}

function outcome({ status, code }) {
  const text = hasWords(`status.${status}`) ? words(`status.${status}`) : status;
  const word = make("span", { class: "word", "data-tone": TONES[status] ?? "warn" }, shape(SHAPES[status]), text);
  return code ? [word, make("span", { class: "under mono" }, code)] : [word];
}

/** Everything that is kept of an entry. */
function all(entry) {
  const facts = Object.entries(entry.facts ?? {}).map(([name, value]) => [name, String(value)]);
  const fields = [
    [words("entry.seq"), figure(entry.seq)],
    [words("entry.request"), entry.request],
    [words("filters.node"), entry.node],
    [words("filters.chat"), entry.chat],
    [words("entry.took"), words("unit.ms", { number: figure(entry.duration_ms) })],
    ...facts,
    [words("entry.before"), entry.before],
    [words("entry.after"), entry.after],
    [words("entry.prev_hash"), entry.prev_hash],
    [words("entry.hash"), entry.hash],
  ];
  const told = fields.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return make("dl", { class: "all" }, ...told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { class: "mono" }, value))));
}
