/** The voices a listener may choose from: those of the chosen language, remembered for each language. */

import { choices } from "./choices.js";
import { api } from "./shell/api.js";
import { words } from "./words.js";

export class Voices {
  /** @param {HTMLSelectElement} select */
  constructor(select) {
    this.select = select;
    this.known = [];
    this.language = "en";
    select.addEventListener("change", () => choices.set(`voice.${this.language}`, select.value));
  }

  /** Ask the server. Without an answer only the default voice can be chosen; where listeners need a key, they sign in. */
  async load() {
    try {
      this.known = (await api("/api/voice/voices")).items;
    } catch {
      this.known = []; // the status line tells about the connection
    }
    this.show(this.language);
  }

  /** Offer the voices of this language. */
  show(language) {
    this.language = language;
    const chosen = choices.get(`voice.${language}`) ?? "";
    const fitting = this.known.filter((voice) => voice.languages.some((tag) => tag.toLowerCase().split("-")[0] === language));
    const options = [option("", words("voice.default"))];
    for (const voice of fitting) options.push(option(voice.name, voice.description || voice.name));
    this.select.replaceChildren(...options);
    this.select.value = fitting.some((voice) => voice.name === chosen) ? chosen : "";
    this.select.disabled = fitting.length === 0;
  }

  /** The chosen voice, or undefined for the language's default. */
  get chosen() {
    return this.select.value || undefined;
  }

  /** Which provider a voice belongs to, or null. */
  providerOf(name) {
    return this.known.find((voice) => voice.name === name)?.provider ?? null;
  }
}

function option(value, text) {
  const element = document.createElement("option");
  element.value = value;
  element.textContent = text;
  return element;
}
