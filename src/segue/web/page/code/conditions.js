/**
 * How well the server serves replies at present, and whether it does at all: asked every ten seconds while the page is
 * looked at, and after every turn. Shown as badges under the bar; nothing is shown while all is well, or while too
 * little is known to say.
 */

import { say } from "./words.js";

const EVERY_MS = 10_000;
const AXES = ["model", "synthesis"];
const SHOWN = { model: ["slow", "fast", "emergency"], synthesis: ["slow", "degraded", "emergency"] };

export class Conditions {
  /** @param {HTMLElement} place @param {{onchange: () => void}} hooks */
  constructor(place, { onchange }) {
    this.place = place;
    this.onchange = onchange;
    this.plain = {};
    this.asked = 0;
  }

  watch() {
    this.look();
    setInterval(() => document.hidden || this.look(), EVERY_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  /** Ask now. Of answers that overtake one another the latest question's counts; without one nothing is claimed. */
  async look() {
    const asking = ++this.asked;
    let plain = {};
    try {
      const response = await fetch("/api/voice/degradation_status");
      if (response.ok) plain = await response.json();
    } catch {
      /* nobody answers: the connection line says so */
    }
    if (asking !== this.asked) return;
    this.plain = plain;
    this.#show();
    this.onchange();
  }

  /** The state of an axis, `model` or `synthesis`; null as long as nobody said. */
  stateOf(axis) {
    return this.plain.axes?.[axis]?.state ?? null;
  }

  /** The profile that every turn gets whatever it asks for, or null. */
  get forcedProfile() {
    return this.plain.remedy?.forced_profile ?? null;
  }

  /** Why spoken replies are switched off; empty where no reason was given, null while they are on. */
  get off() {
    const { enabled = true, reason = "" } = this.plain.switch ?? {};
    return enabled ? null : reason;
  }

  /** The badges as they stand, as the server words them. */
  get badges() {
    return this.plain.badges ?? [];
  }

  /** Rebuild only what changed, so that a screen reader is not told the same every ten seconds. */
  #show() {
    for (const axis of AXES) {
      const state = this.stateOf(axis);
      const known = this.place.querySelector(`[data-axis="${axis}"]`);
      if (!SHOWN[axis].includes(state)) known?.remove();
      else if (known?.dataset.state !== state) this.#put(axis, state, known);
      const shown = this.place.querySelector(`[data-axis="${axis}"]`);
      if (shown) shown.title = this.plain.axes[axis].reason;
    }
    this.place.hidden = this.place.childElementCount === 0;
    for (const shown of document.querySelectorAll("[data-state-of]")) {
      say(shown, `state.${this.stateOf(shown.dataset.stateOf) ?? "unknown"}`);
    }
  }

  #put(axis, state, known) {
    const line = document.createElement("p");
    line.className = "condition";
    line.dataset.axis = axis;
    line.dataset.state = state;
    const badge = line.appendChild(document.createElement("b"));
    badge.className = "badge";
    say(badge, `condition.${axis}.${state}`);
    say(line.appendChild(document.createElement("span")), `condition.${axis}.${state}.text`);
    if (known) known.replaceWith(line);
    else if (axis === AXES[0]) this.place.prepend(line);
    else this.place.append(line);
  }
}
