/**
 * What is around every page: the bar with the ways to the other pages, the language, the appearance, and who is signed
 * in. A page has `<header class="bar" id="bar"></header>` and `<main class="content" id="content" tabindex="-1">`, and
 * joins them first of all:
 *
 *   learn({ en, ru, uk, zh });
 *   const operator = await joinShell({ page: "keys", scope: "admin", onlanguage: show });
 *   if (operator) …                          // null: nobody may look, and the page says why
 *
 * Its neighbours: `api.js` asks the server, `dialog.js` asks whoever
 * looks, `toast.js` tells them, `trouble.js` puts what went wrong into words, `times.js` writes moments, and `build.js`,
 * one folder up, builds elements.
 */

import { joinLanguages, joinTheme } from "../appearance.js";
import { make, shape } from "../build.js";
import { learn, say, words } from "../words.js";
import en from "../../texts/shell/en.js";
import ru from "../../texts/shell/ru.js";
import uk from "../../texts/shell/uk.js";
import zh from "../../texts/shell/zh.js";
import { barOf, showOperator } from "./bar.js";
import { wasSignedIn, whoAsks } from "./session.js";
import { toSignIn } from "./api.js";
import { tellTimes } from "./times.js";
import { regions } from "./toast.js";
import { againButton, trouble } from "./trouble.js";

learn({ en, ru, uk, zh });

const TIMES_MS = 10_000;

/**
 * Build what is around this page, and say who looks at it.
 *
 * @param {object} page
 * @param {string} page.page its name, as in the address
 * @param {string} [page.scope] what it takes to see anything here
 * @param {boolean} [page.open] whether it is for those too who are not signed in
 * @param {(code: string) => void} [page.onlanguage] called at once, before this returns, and after every choice
 * @param {() => void} [page.ontheme] called when the colours have changed
 * @returns {Promise<import("./session.js").Operator | null>}
 */
export async function joinShell({ page, scope = "", open = false, onlanguage = () => {}, ontheme = () => {} }) {
  const bar = document.getElementById("bar");
  document.body.dataset.page = page;
  bar.replaceChildren(...barOf(page));
  document.body.append(regions());
  joinSkip(bar);
  joinLanguages(bar.querySelector("#languages"), (code) => {
    if (page !== "talk") document.title = words("shell.title", { page: words(`way.${page}`) });
    tellTimes();
    onlanguage(code);
  });
  joinTheme(bar.querySelector("#theme"), ontheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ontheme);
  setInterval(() => document.hidden || tellTimes(), TIMES_MS);
  const operator = open && !wasSignedIn() ? null : await found(open);
  showOperator(bar, operator);
  if (open || operator === null) return operator;
  if (operator.may(scope)) return operator;
  deny(operator, scope);
  return null;
}

/** The skip link leads to the content, or to a field in it; it does not touch the address, which may name something. */
function joinSkip(bar) {
  const skip = bar.querySelector(".skip");
  const field = document.querySelector("[data-skip-to]");
  const content = document.getElementById("content");
  if (!content) skip.href = `#${field.id}`;
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    (field?.checkVisibility() ? field : content).focus();
  });
}

/** Who looks. Where the server does not say, the page says so, and asks again when told to. */
async function found(open) {
  for (;;) {
    try {
      const operator = await whoAsks();
      if (operator === null && !open) toSignIn();
      return operator;
    } catch (problem) {
      if (open) return null;
      await again(problem);
    }
  }
}

function again(problem) {
  return new Promise((resolve) => {
    const button = againButton(() => {
      line.remove();
      resolve();
    });
    const line = trouble(problem, button);
    document.getElementById("content").prepend(line);
  });
}

/** Say that this page takes what their key does not allow. Nothing else of it is shown. */
function deny(operator, scope) {
  const content = document.getElementById("content");
  for (const part of content.children) part.hidden = true;
  const title = make("h1", {});
  const text = make("p", {});
  content.prepend(make("section", { class: "denied", id: "denied" }, shape("lock"), title, text));
  say(title, "shell.denied");
  say(text, "shell.denied.text", { name: operator.name, scope });
}

/**
 * Join a button that asks for more of a list.
 *
 * @param {HTMLButtonElement} button shown as long as there is more
 * @param {import("./api.js").Pages} pages
 * @param {(items: object[]) => void} onitems
 * @returns {() => Promise<void>} asks for the next page, as the button does
 */
export function joinMore(button, pages, onitems) {
  const next = async () => {
    button.setAttribute("aria-busy", "true");
    try {
      onitems(await pages.more());
      button.hidden = pages.over;
    } finally {
      button.setAttribute("aria-busy", "false");
    }
  };
  button.onclick = () => button.getAttribute("aria-busy") === "true" || next().catch((problem) => button.before(trouble(problem)));
  return next;
}

/** Join a button that copies a text; it says so, and where nothing can be copied the text is selected instead. */
export function joinCopy(button, place) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(place.value ?? place.textContent);
      say(button, "shell.copied");
      setTimeout(() => say(button, "shell.copy"), 2_000);
    } catch {
      if (place.select) place.select();
      else getSelection().selectAllChildren(place);
    }
  });
  say(button, "shell.copy");
}
