/** The switch of spoken replies: how it stands and who said so, and a question with a reason before it is turned. */

import { make, put, shape, verbatim, write } from "../build.js";
import { api } from "../shell/api.js";
import { field, question } from "../shell/dialog.js";
import { timeOf } from "../shell/times.js";
import { toast } from "../shell/toast.js";
import { hasWords, words } from "../words.js";

const SCOPE = "rollout:write";

export class KillSwitch {
  /** @param {(id: string) => HTMLElement} find @param {() => Promise<void>} onturned */
  constructor(find, onturned) {
    this.find = find;
    this.onturned = onturned;
    this.state = null;
    this.operator = null;
    find("turn").addEventListener("click", () => this.#turn());
  }

  join(operator) {
    this.operator = operator;
  }

  /** @param {{enabled: boolean, since: number, reason: string, by: string, kept: boolean}} state */
  show(state) {
    this.state = state;
    const { enabled, since, reason, by, kept } = state;
    const word = this.find("switch-word");
    word.dataset.tone = enabled ? "good" : "bad";
    put(word, shape(enabled ? "pass" : "paused"), words(enabled ? "kill.on" : "kill.off"));
    const known = `kill.by.${by}`;
    put(
      this.find("switch-says"),
      ...(reason ? [verbatim(reason), " "] : []),
      make("span", { class: "under" }, hasWords(known) ? words(known) : words("kill.by", { by }), " · ", timeOf(since)),
      kept ? null : make("span", { class: "under unkept" }, words("kill.unkept")),
    );
    this.#dress(enabled);
  }

  #dress(enabled) {
    const may = this.operator.may(SCOPE);
    const button = this.find("turn");
    write(button, words(enabled ? "kill.turn.off" : "kill.turn.on"));
    button.classList.toggle("harm", enabled);
    button.setAttribute("aria-disabled", String(!may));
    this.find("turn-why").hidden = may;
    if (may) return button.removeAttribute("aria-describedby");
    write(this.find("turn-why"), words("kill.locked", { scope: SCOPE }));
    button.setAttribute("aria-describedby", "turn-why");
  }

  async #turn() {
    if (this.state === null || !this.operator.may(SCOPE)) return;
    const enabled = !this.state.enabled;
    const way = enabled ? "on" : "off";
    const reason = make("textarea", { name: "reason", rows: 2, maxlength: 500, required: !enabled });
    const done = await question({
      title: [`kill.ask.${way}`],
      text: [`kill.text.${way}`],
      yes: [`kill.yes.${way}`],
      harm: !enabled,
      fields: [field("kill.reason", reason, enabled ? null : "kill.reason.hint")],
      act: (answers) => api("/api/voice/switch", { method: "POST", json: { enabled, reason: answers.get("reason").trim() } }),
    });
    if (done === null) return;
    this.show(done);
    toast(`kill.done.${way}`);
    await this.onturned();
  }
}
