/**
 * The page's words. Elements name theirs: `data-text` (content), `data-label` (aria-label), `data-title`,
 * `data-placeholder`; what is said at run time goes through `say`, which remembers it, so that a change of language
 * reaches everything that is on the page.
 */

import en from "../texts/en.js";
import ru from "../texts/ru.js";
import uk from "../texts/uk.js";
import zh from "../texts/zh.js";

export const LANGUAGES = ["en", "uk", "ru", "zh"];
export const TEXTS = { en, uk, ru, zh };

/** Add the texts of another page: by language, by key. */
export function learn(texts) {
  for (const code of LANGUAGES) Object.assign(TEXTS[code], texts[code]);
}

export let language = "en";

/** Speak this language from now on, everywhere on the page. */
export function useLanguage(code) {
  language = code;
  document.documentElement.lang = code === "zh" ? "zh-Hans" : code;
  document.title = words("page.title");
  applyWords(document);
}

/** The language of the visitor's browser, as far as the page speaks it. */
export function preferredLanguage() {
  for (const tag of navigator.languages ?? []) {
    const code = tag.toLowerCase().split("-")[0];
    if (LANGUAGES.includes(code)) return code;
  }
  return "en";
}

/** The text of a key, with `{name}` filled in: texts as they are, numbers and durations (`{ms}`) as the language writes them. */
export function words(key, values = {}) {
  const text = TEXTS[language][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_whole, name) => written(values[name]));
}

function written(value) {
  if (typeof value === "number") return figure(value);
  return typeof value === "object" ? duration(value.ms) : value;
}

export const hasWords = (key) => key in TEXTS.en;

/** Put the text of a key into an element, and keep it in the page's language. */
export function say(element, key, values = {}) {
  element.dataset.text = key;
  element.dataset.values = JSON.stringify(values);
  const text = words(key, values);
  if (element.textContent !== text) element.textContent = text;
}

/** Empty an element that `say` filled. */
export function hush(element) {
  delete element.dataset.text;
  delete element.dataset.values;
  element.textContent = "";
}

/** Name a button that shows only a picture: for those who listen, and for those who hover. */
export function label(button, key) {
  button.dataset.label = key;
  button.dataset.title = key;
  button.setAttribute("aria-label", words(key));
  button.title = words(key);
}

/** A number as this language writes it. */
export function figure(number, digits = 0) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(number);
}

/** A duration: milliseconds below ten seconds, seconds above. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 10_000) return words("unit.ms", { number: figure(Math.round(ms)) });
  return words("unit.s", { number: figure(ms / 1000, 1) });
}

function applyWords(root) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = words(element.dataset.text, JSON.parse(element.dataset.values ?? "{}"));
  }
  const attributes = { label: "aria-label", title: "title", placeholder: "placeholder" };
  for (const [name, attribute] of Object.entries(attributes)) {
    for (const element of root.querySelectorAll(`[data-${name}]`)) {
      element.setAttribute(attribute, words(element.dataset[name]));
    }
  }
}
