/**
 * A question before something is done. It stays open while that is under way, says what went wrong if it goes wrong,
 * and gives the focus back to where it was.
 *
 *   const key = await question({
 *     title: ["keys.revoke.title", { name }], text: ["keys.revoke.text"], yes: ["keys.revoke.yes"], harm: true,
 *     fields: [field("keys.reason", input)],
 *     act: (answers) => api(…),                 // FormData of the fields; what it returns is what question() returns
 *   });                                         // null: no
 */

import { make } from "../build.js";
import { say } from "../words.js";
import { showTrouble } from "./trouble.js";

/**
 * Ask, and do it.
 *
 * @template T
 * @param {object} what
 * @param {[string, object?]} what.title key of the text, and its values
 * @param {[string, object?]} [what.text]
 * @param {[string, object?]} what.yes the button that does it
 * @param {[string, object?] | null} [what.no] null: there is nothing to decide, only to read
 * @param {boolean} [what.harm] whether it takes something away
 * @param {(Node | string)[]} [what.fields] what there is to fill in, or to look at
 * @param {(answers: FormData) => Promise<T>} what.act
 * @returns {Promise<T | null>}
 */
export function question({ title, text = null, yes, no = ["shell.no"], harm = false, fields = [], act }) {
  const heading = worded("h2", title, { id: "question-title" });
  const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
  const sure = worded("button", yes, { class: harm ? "sure harm" : "sure", type: "submit" });
  const leave = no ? worded("button", no, { class: "plain", type: "button" }) : null;
  const told = text ? worded("p", text, { id: "question-text" }) : null;
  const form = make("form", { method: "dialog" }, heading, told, ...fields, trouble, make("p", { class: "answers" }, leave, sure));
  const names = { "aria-labelledby": "question-title", "aria-describedby": text ? "question-text" : null };
  const dialog = make("dialog", { class: "question", ...names }, form);
  return new Promise((resolve) => {
    let result = null;
    let busy = false;
    leave?.addEventListener("click", () => busy || dialog.close());
    dialog.addEventListener("cancel", (event) => (busy || !leave) && event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      const work = (on) => {
        busy = on;
        sure.setAttribute("aria-disabled", String(on));
        leave?.setAttribute("aria-disabled", String(on));
        say(sure, ...(on ? ["shell.working"] : yes));
      };
      showTrouble(trouble, null);
      work(true);
      try {
        result = await act(new FormData(form));
        work(false);
        dialog.close();
      } catch (error) {
        work(false);
        showTrouble(trouble, error);
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("[autofocus]") ?? form.querySelector("input, textarea, select") ?? leave ?? sure).focus();
  });
}

/** A control with its name, and perhaps a line that explains it. */
export function field(key, control, hint = null) {
  const named = make("span", {});
  say(named, key);
  const explained = hint ? make("small", { class: "under" }) : null;
  if (explained) say(explained, hint);
  return make("label", { class: control.type === "checkbox" ? "tick" : null }, ...order(control, named), explained);
}

const order = (control, named) => (control.type === "checkbox" ? [control, named] : [named, control]);

function worded(tag, [key, values = {}], attributes) {
  const element = make(tag, attributes);
  say(element, key, values);
  return element;
}
