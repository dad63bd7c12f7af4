/**
 * What an operator can do: a row of buttons, and a question before whatever changes what listeners hear. A button that
 * cannot be used says why: it stays reachable, and tells it on focus, on a click and where one hovers.
 */

import { make, verbatim, write } from "../build.js";
import { randomName } from "../choices.js";
import { api } from "../shell/api.js";
import { sentences } from "../shell/trouble.js";
import { words } from "../words.js";
import { address } from "./feed.js";
import { basis } from "./figures.js";
import { stageName } from "./sentence.js";

const PAIRS = [["pause", "resume"], ["approve"], ["promote"], ["step-back"], ["freeze", "thaw"], ["retry"], ["rollback"]];
const AT_ONCE = new Set(["pause"]); // changes nothing that anybody hears, and is taken back with one click
const SCOPE = "rollout:write";
const HARM = new Set(["rollback", "step-back"]);

/** What a command is called, without the dots that say that a question follows. */
const nameOf = (verb) => words(`command.${verb}`).replace(/…$/, "");

export class Commands {
  /**
   * @param {HTMLElement} place where the buttons go
   * @param {HTMLElement} reason where a button says why it cannot be used
   * @param {HTMLDialogElement} dialog
   * @param {(status: object) => void} ondone the server did it, and says how the rollout stands now
   */
  constructor(place, reason, dialog, ondone) {
    Object.assign(this, { place, reason, dialog, ondone, status: null, busy: null, locked: true });
    this.form = dialog.querySelector("form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send(this.verb, this.#answers());
    });
    this.#find("no").addEventListener("click", () => dialog.close());
    dialog.addEventListener("cancel", (event) => this.busy && event.preventDefault());
    for (const verbs of PAIRS) this.place.append(this.#button(verbs));
  }

  /** Say whose commands these are; without the scope none can be given. */
  allow(operator) {
    this.locked = !operator.may(SCOPE);
  }

  show(status) {
    this.status = status;
    for (const button of this.place.children) this.#dress(button);
    const told = this.told && this.place.querySelector(`[data-verb="${this.told}"]`);
    if (told) this.#tell(told);
    else this.#hush();
  }

  #button(verbs) {
    const button = make("button", { type: "button", class: "command-button" });
    button.verbs = verbs;
    button.addEventListener("click", () => this.#press(button));
    button.addEventListener("focus", () => this.#tell(button));
    button.addEventListener("blur", () => this.#hush());
    return button;
  }

  /** Of two that undo one another the one that can be used is shown. */
  #dress(button) {
    const verb = button.verbs.find((one) => this.#allowed(one)) ?? button.verbs[0];
    const allowed = this.#allowed(verb);
    const working = this.busy === verb;
    button.dataset.verb = verb;
    write(button, words(working ? "command.working" : `command.${verb}`));
    button.setAttribute("aria-disabled", String(!(allowed || this.#byForce(verb)) || this.busy !== null));
    button.setAttribute("aria-busy", String(working));
    button.toggleAttribute("data-force", this.#byForce(verb));
    if (allowed) button.removeAttribute("aria-describedby");
    else button.setAttribute("aria-describedby", this.reason.id);
    button.title = allowed ? words(`command.${verb}.title`) : this.#why(verb);
  }

  #allowed(verb) {
    return !this.locked && this.status?.commands[verb]?.allowed === true;
  }

  /** Whether something speaks against it that an operator may overrule. */
  #byForce(verb) {
    return !this.locked && this.status?.commands[verb]?.by_force === true;
  }

  #why(verb) {
    return this.locked ? words("command.locked", { scope: SCOPE }) : (this.status?.commands[verb]?.why ?? "");
  }

  #tell(button) {
    const { verb } = button.dataset;
    if (this.#allowed(verb)) return this.#hush();
    this.told = verb;
    const text = words("command.not", { command: nameOf(verb) });
    this.reason.replaceChildren(`${text} `, this.locked ? this.#why(verb) : verbatim(this.#why(verb)));
  }

  #hush() {
    this.told = null;
    this.reason.replaceChildren();
  }

  #press(button) {
    const { verb } = button.dataset;
    if (this.busy !== null) return;
    if (!this.#allowed(verb) && !this.#byForce(verb)) return this.#tell(button);
    this.id = randomName(); // one press is one command, however often it has to be sent
    if (AT_ONCE.has(verb)) return this.#send(verb, { reason: "" });
    this.#ask(verb);
  }

  /** The question before it is done; nothing needs to be filled in. */
  #ask(verb) {
    const { status } = this;
    this.verb = verb;
    write(this.#find("title"), nameOf(verb));
    write(this.#find("text"), words(`confirm.${verb}`, this.#values(status)));
    write(this.#find("yes"), words(`confirm.${verb}.yes`));
    this.#find("yes").classList.toggle("harm", HARM.has(verb));
    this.#find("full").hidden = verb !== "promote";
    this.#offerStages(verb);
    this.form.reset();
    this.#warn(verb);
    this.#trouble(null);
    this.#working(false);
    this.dialog.showModal();
    this.#find(verb === "rollback" ? "yes" : "reason").focus();
  }

  /** What speaks against a command that needs force, and the tick without which it is not sent. */
  #warn(verb) {
    const forced = !this.#allowed(verb);
    this.#find("against").hidden = !forced;
    this.#find("against").replaceChildren(verbatim(this.#why(verb)));
    this.#find("force").hidden = !forced;
    this.#find("force").querySelector("input").required = forced;
  }

  #values({ candidate, baseline, share_bp, approval, stage, stages }) {
    const next = stages[stage.index + 1];
    return {
      candidate: candidate.name,
      baseline: baseline.name,
      share: basis(share_bp),
      stage: stageName(approval.stage || next?.name || stage.name),
      next: basis(next?.share_bp ?? null),
    };
  }

  #offerStages(verb) {
    const earlier = this.status.stages.slice(0, this.status.stage.index);
    this.#find("where").hidden = verb !== "step-back" || earlier.length < 2;
    const options = earlier.toReversed().map(({ name, share_bp }) =>
      make("option", { value: name }, `${stageName(name)} · ${basis(share_bp)}`),
    );
    this.#find("stage").replaceChildren(...options);
  }

  #answers() {
    const ticked = (part) => !this.#find(part).hidden && this.#find(part).querySelector("input").checked;
    const stage = this.verb === "approve" ? this.status.approval.stage : this.#find("where").hidden ? "" : this.#find("stage").value;
    return { reason: this.#find("reason").value.trim(), full: ticked("full"), force: ticked("force"), stage };
  }

  async #send(verb, answers) {
    if (this.busy !== null) return;
    this.#working(verb);
    try {
      const json = { ...answers, id: this.id }; // who commands is who is signed in
      const plain = await api(`${address(this.status.name)}/${verb}`, { method: "POST", json });
      this.#working(false);
      this.dialog.close();
      this.ondone(plain.status, plain.decision);
    } catch (error) {
      this.#working(false);
      this.#trouble(error);
    }
  }

  #working(verb) {
    this.busy = verb || null;
    this.#find("yes").disabled = this.busy !== null;
    this.form.setAttribute("aria-busy", String(this.busy !== null));
    if (this.busy) write(this.#find("yes"), words("command.working"));
    else if (this.verb) write(this.#find("yes"), words(`confirm.${this.verb}.yes`));
    for (const button of this.place.children) this.#dress(button);
  }

  /** What went wrong, where the operator looks: in the question if it is open, else beside the buttons. */
  #trouble(error) {
    const place = this.dialog.open ? this.#find("trouble") : this.reason;
    this.#find("trouble").hidden = error === null || !this.dialog.open;
    if (error === null) return;
    place.replaceChildren(...(error.status === 0 ? [words("trouble.no_answer")] : sentences(error)));
  }

  #find(part) {
    return this.dialog.querySelector(`#confirm-${part}`);
  }
}
