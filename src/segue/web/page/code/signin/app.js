/** The sign-in page: takes a key, and leads to where one wanted to go (`?next=`), on this server only. */

import { shape, verbatim } from "../build.js";
import { WAYS } from "../shell/bar.js";
import { signIn, wasSignedIn, whoAsks } from "../shell/session.js";
import { joinCopy, joinShell } from "../shell/shell.js";
import { sentences } from "../shell/trouble.js";
import { label, learn, say, words } from "../words.js";
import en from "../../texts/signin/en.js";
import ru from "../../texts/signin/ru.js";
import uk from "../../texts/signin/uk.js";
import zh from "../../texts/signin/zh.js";

learn({ en, ru, uk, zh });

const find = (id) => document.getElementById(id);
const next = new URLSearchParams(location.search).get("next");
let busy = false;

/** Where to go: where one came from if that is a page of this server, else the first page that the key opens. */
function goal(operator) {
  const asked = next !== null && URL.canParse(next, location.origin) ? new URL(next, location.origin) : null;
  const own = asked !== null && asked.origin === location.origin && asked.pathname !== location.pathname;
  if (own) return asked.pathname + asked.search + asked.hash;
  const first = WAYS.find(([, , scope]) => scope && operator.may(scope));
  return first ? first[1] : "./";
}

async function enter(event) {
  event.preventDefault();
  if (busy) return;
  showTrouble(null);
  work(true);
  try {
    location.replace(goal(await signIn(find("key").value.trim())));
  } catch (problem) {
    work(false);
    showTrouble(problem);
    find("key").focus();
    find("key").select();
  }
}

function work(on) {
  busy = on;
  find("enter").setAttribute("aria-busy", String(on));
  say(find("enter"), on ? "signin.entering" : "signin.enter");
}

function showTrouble(problem) {
  const place = find("trouble");
  place.hidden = problem === null;
  find("key").setAttribute("aria-invalid", String(problem?.status === 401));
  if (problem === null) place.replaceChildren();
  else place.replaceChildren(...(problem.status === 401 ? [words("signin.refused"), " ", verbatim(problem.detail)] : sentences(problem)));
}

function toggle() {
  const shown = find("key").type === "password";
  find("key").type = shown ? "text" : "password";
  find("show").setAttribute("aria-pressed", String(shown));
  label(find("show"), shown ? "signin.hide" : "signin.show");
  find("key").focus();
}

async function begin() {
  find("show").append(shape("eye"));
  joinShell({ page: "signin", open: true });
  joinCopy(find("copy"), find("command"));
  if (next !== null) say(find("lead"), "signin.lead.next");
  find("form").addEventListener("submit", enter);
  find("show").addEventListener("click", toggle);
  find("key").focus();
  if (!wasSignedIn()) return;
  const operator = await whoAsks().catch(() => null);
  if (operator !== null && !busy) location.replace(goal(operator));
}

begin();
