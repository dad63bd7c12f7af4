/** How replies are wanted: spoken or not, and by whom, in which profile and language. Kept on this device. */

import { make } from "../build.js";
import { choices } from "../choices.js";
import { Voices } from "../voices.js";
import { language, words } from "../words.js";

const KEPT = "chats.";

export class Manner {
  /** @param {HTMLElement} place holds `#speak`, `#profiles`, `#language`, `#character` and `#voice` */
  constructor(place) {
    this.find = (selector) => place.querySelector(selector);
    this.voices = new Voices(this.find("#voice"));
    this.characters = [];
    this.find("#speak").checked = choices.get(`${KEPT}speak`) === "yes";
    this.find("#speak").addEventListener("change", ({ target }) => this.#chose("speak", target.checked ? "yes" : "no"));
    const profile = choices.get("profile") === "quality" ? "quality" : "fast";
    this.find(`#profiles input[value=${profile}]`).checked = true;
    this.find("#profiles").addEventListener("change", ({ target }) => choices.set("profile", target.value));
    for (const name of ["language", "character"]) {
      this.find(`#${name}`).addEventListener("change", ({ target }) => this.#chose(name, target.value));
    }
  }

  /** Ask which voices and characters there are. */
  async load() {
    const characters = await fetch("/api/voice/characters")
      .then((response) => (response.ok ? response.json() : { items: [] }))
      .catch(() => ({ items: [] }));
    this.characters = characters.items;
    this.show();
    await this.voices.load();
  }

  /** Offer what fits the chosen language, in the words of the page's. */
  show() {
    const languages = ["en", "uk", "ru", "zh"];
    fill(this.find("#language"), choices.get(`${KEPT}language`), [
      ["", words("manner.language.page")],
      ...languages.map((code) => [code, words(`manner.language.${code}`)]),
    ]);
    const fitting = this.characters.filter(({ languages }) => languages.includes(this.language));
    const named = fitting.map(({ key, names }) => [key, names[this.language] ?? key]);
    fill(this.find("#character"), choices.get(`${KEPT}character`), [["", words("manner.character.none")], ...named]);
    this.voices.show(this.language);
    this.find("#voice").closest(".choice").hidden = !this.speak;
    this.find("#character").closest(".choice").hidden = !this.speak || named.length === 0;
  }

  /** Whether replies are spoken; a choice that cannot be had now is kept for later. */
  get speak() {
    return this.find("#speak").checked && !this.find("#speak").disabled;
  }

  /** The language of replies: what was chosen, or the page's. */
  get language() {
    return this.find("#language").value || language;
  }

  /** What a message says about its reply. */
  get wanted() {
    const spoken = this.speak ? { speak: true, voice: this.voices.chosen, character: this.find("#character").value || undefined } : {};
    return { language: this.language, profile: this.find("#profiles input:checked").value, ...spoken };
  }

  /** Voice and character matter only to what is spoken, and what is offered depends on the language. */
  #chose(name, value) {
    choices.set(`${KEPT}${name}`, value);
    this.show();
  }
}

function fill(select, chosen, options) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  select.value = options.some(([value]) => value === chosen) ? chosen : "";
}
