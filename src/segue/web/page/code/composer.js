/** The field in which a message is written: it grows, remembers what was not answered yet, and knows its keys. */

import { drafts } from "./choices.js";

const TALLEST_PX = 200;

export class Composer {
  /**
   * @param {HTMLFormElement} form
   * @param {{onsend: (text: string) => void, place?: string}} hooks `place` begins the names under which texts are kept
   */
  constructor(form, { onsend, place = "" }) {
    this.place = place;
    this.field = form.querySelector("#text");
    this.send = form.querySelector("#send");
    this.onsend = onsend;
    this.closed = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.field.addEventListener("input", () => this.#changed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.put(drafts.get(`${place}draft`) ?? drafts.get(`${place}pending`) ?? "");
  }

  /** Send what is written, if anything is. */
  submit() {
    const text = this.field.value.trim();
    if (!text || this.closed) return this.field.focus();
    drafts.set(`${this.place}pending`, text);
    this.put("");
    this.onsend(text);
  }

  /** What was sent has reached the server (or been given back): it need not be kept any longer. */
  settle() {
    drafts.set(`${this.place}pending`, null);
  }

  put(text) {
    this.field.value = text;
    this.#changed();
  }

  /** Take nothing on its way for now (or again); what is being written stays, and can be written on. */
  close(closed) {
    this.closed = closed;
    this.#changed();
  }

  get isEmpty() {
    return this.field.value.trim() === "";
  }

  focus() {
    this.field.focus();
  }

  #changed() {
    drafts.set(`${this.place}draft`, this.field.value);
    this.send.disabled = this.isEmpty || this.closed;
    this.field.style.setProperty("height", "auto");
    this.field.style.setProperty("height", `${Math.min(TALLEST_PX, this.field.scrollHeight)}px`);
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }
}
