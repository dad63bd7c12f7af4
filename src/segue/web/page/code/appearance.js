/** How the page looks and which language it speaks: the two choices at the top of every page, kept on this device. */

import { choices } from "./choices.js";
import { LANGUAGES, label, preferredLanguage, useLanguage } from "./words.js";

const THEMES = ["auto", "light", "dark"];

/**
 * Join the languages' switch with the words.
 *
 * @param {HTMLElement} switches the group of radio buttons, one a language
 * @param {(code: string) => void} onchange called once at the beginning, and after every choice
 */
export function joinLanguages(switches, onchange) {
  const choose = (code) => {
    choices.set("language", code);
    switches.querySelector(`input[value=${code}]`).checked = true;
    useLanguage(code);
    onchange(code);
  };
  switches.addEventListener("change", (event) => choose(event.target.value));
  const kept = choices.get("language");
  choose(LANGUAGES.includes(kept) ? kept : preferredLanguage());
}

/**
 * Join the button of the appearance, which goes round: as the system, light, dark.
 *
 * @param {HTMLElement} button
 * @param {() => void} onchange called after every choice
 */
export function joinTheme(button, onchange = () => {}) {
  let theme = THEMES.includes(choices.get("theme")) ? choices.get("theme") : "auto";
  const choose = (chosen) => {
    theme = chosen;
    choices.set("theme", theme === "auto" ? null : theme);
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    label(button, `theme.${theme}`);
    onchange();
  };
  button.addEventListener("click", () => choose(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));
  choose(theme);
}
