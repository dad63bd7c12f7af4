/** The bar at the top of every page, and in it the ways to the others. On a narrow screen they are behind a button. */

import { make, shape } from "../build.js";
import { label, say, words } from "../words.js";
import { signOut } from "./session.js";
import { toast } from "./toast.js";

/** Every page of the product: its name, where it is, and the scope without which there is nothing to be seen. */
export const WAYS = [
  ["talk", "./", ""],
  ["chats", "chats.html", "read"],
  ["rollouts", "rollout.html", "read"],
  ["health", "health.html", "read"],
  ["nodes", "nodes.html", "read"],
  ["incidents", "incidents.html", "read"],
  ["keys", "keys.html", "admin"],
  ["audit", "audit.html", "audit:read"],
];
const LANGUAGES = [
  ["en", "en", "English", "EN"],
  ["uk", "uk", "Українська", "УК"],
  ["ru", "ru", "Русский", "РУ"],
  ["zh", "zh-Hans", "中文", "中文"],
];

/** What stands in the bar of a page. */
export function barOf(page) {
  const skip = make("a", { class: "skip", href: "#content" });
  say(skip, page === "talk" ? "skip" : "shell.skip");
  const line = make("p", { class: "line", id: "line", "data-state": "connecting", hidden: true });
  line.append(make("span", { class: "dot" }), make("span", { id: "line-text", role: "status" }));
  return [skip, brand(page), menu(), ways(page), line, languages(page), theme()];
}

/**
 * Say in the bar how the page's line to the server is.
 *
 * @param {"open" | "connecting" | "waiting"} state
 * @param {string} key of the text
 */
export function showLine(state, key, values = {}) {
  const line = document.getElementById("line");
  line.hidden = false;
  line.dataset.state = state;
  line.title = words(key, values);
  say(document.getElementById("line-text"), key, values);
}

/** Show who is signed in, or the way to do so; and mark the pages that their key does not open. */
export function showOperator(bar, operator) {
  const who = bar.querySelector("#who");
  if (operator === null) who.replaceChildren(...(document.body.dataset.page === "signin" ? [] : [signInLink()]));
  else who.replaceChildren(...account(operator));
  for (const [name, , scope] of WAYS) {
    const way = bar.querySelector(`[data-way="${name}"]`);
    const locked = operator !== null && !operator.may(scope);
    way.querySelector(".lock")?.remove();
    if (locked) way.append(lock(scope));
  }
}

function brand(page) {
  const home = make("a", { href: "./", "aria-label": "Segue" }, make("img", { src: "icon.svg", alt: "", width: 28, height: 28 }), make("span", {}, "Segue"));
  return make(page === "talk" ? "h1" : "p", { class: "brand" }, home);
}

function menu() {
  const button = make("button", { class: "icon", id: "menu", type: "button", popovertarget: "ways" }, shape("menu"));
  label(button, "shell.menu");
  return button;
}

function ways(page) {
  const links = WAYS.map(([name, href]) => {
    const text = make("span", {});
    say(text, `way.${name}`);
    return make("li", {}, make("a", { class: "way", href, "data-way": name, "aria-current": name === page ? "page" : null }, text));
  });
  const list = make("nav", {}, make("ul", {}, ...links));
  list.dataset.label = "shell.ways";
  list.setAttribute("aria-label", words("shell.ways"));
  return make("div", { id: "ways", popover: "auto" }, list, make("div", { id: "who" }));
}

function lock(scope) {
  const why = make("span", { class: "unseen" });
  say(why, "shell.locked", { scope });
  const mark = make("span", { class: "lock" }, shape("lock"), why);
  mark.dataset.title = "shell.locked.title";
  mark.title = words("shell.locked.title");
  return mark;
}

function languages(page) {
  const legend = make("legend", { class: "unseen" });
  say(legend, page === "talk" ? "language.label" : "shell.language");
  const choices = LANGUAGES.map(([code, lang, name, short]) =>
    make(
      "label",
      { lang, title: name },
      make("input", { type: "radio", name: "language", value: code, "aria-label": name }),
      make("span", {}, short),
    ),
  );
  return make("fieldset", { class: "segments", id: "languages" }, legend, ...choices);
}

const theme = () => make("button", { class: "icon", id: "theme", type: "button" }, shape("theme"));

function signInLink() {
  const link = make("a", { class: "plain", href: "signin.html" });
  link.addEventListener("click", () => {
    link.href = `signin.html?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`;
  });
  say(link, "shell.sign_in");
  return link;
}

function account(operator) {
  const name = make("b", { class: "operator", title: operator.name, dir: "auto" }, operator.name);
  const out = make("button", { class: "plain", id: "sign-out", type: "button" });
  say(out, "shell.sign_out");
  out.addEventListener("click", async () => {
    try {
      await signOut();
      location.assign("signin.html");
    } catch {
      toast("shell.sign_out.failed", {}, "bad");
    }
  });
  return [shape("person"), name, out];
}
