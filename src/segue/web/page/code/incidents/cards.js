/** The incidents as cards, the newest first: state, who leads, whom to tell by now, notes, and what can be done. */

import { make, shape } from "../build.js";
import { timeOf } from "../shell/times.js";
import { words } from "../words.js";

const LOOKS = { open: ["breach", "bad"], mitigated: ["hold", "warn"], closed: ["pass", "good"] };
const DOES = { open: ["note", "mitigate", "close"], mitigated: ["note", "close"], closed: ["note"] };

export class Cards {
  /**
   * @param {HTMLElement} place the list
   * @param {(verb: string, incident: object) => void} onact
   */
  constructor(place, onact) {
    this.place = place;
    this.onact = onact;
    this.incidents = [];
    this.writes = false;
  }

  get count() {
    return this.incidents.length;
  }

  clear() {
    this.incidents = [];
  }

  /** More of them, older than those that are there. */
  add(incidents) {
    this.incidents.push(...incidents);
    this.show();
  }

  /** A new one, or the new state of one. */
  put(incident) {
    const at = this.incidents.findIndex(({ id }) => id === incident.id);
    if (at >= 0) this.incidents[at] = incident;
    else this.incidents.unshift(incident);
    this.show();
  }

  /** All of them anew; the focus stays where it was, as far as that is still there. */
  show() {
    const focused = this.place.contains(document.activeElement) ? document.activeElement : null;
    const id = focused?.closest(".incident").dataset.incident;
    const verb = focused?.dataset.verb;
    this.place.replaceChildren(...this.incidents.map((incident) => this.#card(incident)));
    if (!focused) return;
    const button = this.place.querySelector(`[data-incident="${id}"] [data-verb="${verb}"]`);
    if (button) button.focus();
    else this.focus({ id });
  }

  focus({ id }) {
    this.place.querySelector(`[data-incident="${id}"] h2`)?.focus();
  }

  #card(incident) {
    const title = make("h2", { dir: "auto", tabindex: "-1" }, incident.title);
    const severity = make("span", { class: "chip", "data-strong": incident.severity === "critical" }, words(`incidents.severity.${incident.severity}`));
    const top = make("header", {}, title, severity, stateOf(incident));
    const card = make("li", { class: "incident", "data-incident": incident.id, "data-state": incident.state }, top, facts(incident));
    if (incident.state === "open") card.append(make("h3", {}, words("incidents.escalation")), due(incident));
    if (incident.cause) card.append(make("p", { dir: "auto" }, `${words("incidents.cause")}: ${incident.cause}`));
    if (incident.notes.length) card.append(make("h3", {}, words("incidents.notes")), notes(incident));
    if (this.writes) card.append(this.#does(incident));
    return card;
  }

  #does(incident) {
    const buttons = DOES[incident.state].map((verb) => {
      const text = words(`incidents.${verb}`);
      const button = make("button", { class: "plain", type: "button", "data-verb": verb, "aria-label": `${text}: ${incident.id}` }, text);
      button.addEventListener("click", () => this.onact(verb, incident));
      return button;
    });
    return make("p", { class: "does" }, ...buttons);
  }
}

function facts({ id, at, commander, services }) {
  const who = words("incidents.led", { name: commander });
  const what = services.length ? ` · ${services.join(", ")}` : "";
  return make("p", { class: "facts" }, make("span", { class: "mono" }, id), " · ", timeOf(at), " · ", make("span", { dir: "auto" }, who + what));
}

function due({ escalation }) {
  const steps = escalation.map((step) => {
    const [picture, tone] = step.due ? ["breach", "bad"] : ["wait", "plain"];
    const word = make("span", { class: "word", "data-tone": tone }, shape(picture), words(step.due ? "incidents.due" : "incidents.later"));
    return make("li", {}, word, make("span", { dir: "auto" }, step.who), timeOf(step.at));
  });
  return make("ul", { class: "due" }, ...steps);
}

function notes({ notes: written }) {
  const items = written.map(({ at, by, text }) => make("li", {}, make("span", { class: "under" }, timeOf(at), " ", by, ": "), make("span", { dir: "auto" }, text)));
  return make("ul", { class: "notes" }, ...items);
}

function stateOf({ state }) {
  const [picture, tone] = LOOKS[state];
  return make("span", { class: "word", "data-tone": tone }, shape(picture), words(`incidents.state.${state}`));
}
