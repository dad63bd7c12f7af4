/**
 * The page of the chats: the list, the chat that is open (`chats.html#/id`, or `#/new`), and what is on its way in it.
 * That goes on while another chat is looked at. `stats.js` documents what `window._voiceStats()` returns.
 */

import { choices, nameIn } from "../choices.js";
import { Composer } from "../composer.js";
import { Conditions } from "../conditions.js";
import { api, toSignIn } from "../shell/api.js";
import { question } from "../shell/dialog.js";
import { joinShell } from "../shell/shell.js";
import { toast } from "../shell/toast.js";
import { showTrouble } from "../shell/trouble.js";
import { statsOf } from "../stats.js";
import { Talker } from "../talker.js";
import { hush, learn, say } from "../words.js";
import en from "../../texts/chats/en.js";
import ru from "../../texts/chats/ru.js";
import uk from "../../texts/chats/uk.js";
import zh from "../../texts/chats/zh.js";
import { Courier } from "./courier.js";
import { Line } from "./line.js";
import { List } from "./list.js";
import { Manner } from "./manner.js";
import { Nodes } from "./nodes.js";
import { Past } from "./past.js";
import { Thread } from "./thread.js";

learn({ en, ru, uk, zh });

const find = (selector) => document.querySelector(selector);
const LOOK_MS = 10_000;
const TITLE_LETTERS = 60;
const NEW = "new";

let operator = null;
let chat = null; // the open one as the server knows it; null for one that begins with its first message

const courier = new Courier({ onchange, onrestart: hear, onevent: (reply, event) => line.pass(reply, event), onstranger: toSignIn });
const line = new Line(courier.sender);
const talker = new Talker({ onturn: showSound, onclose: closed, onplay() {}, onblocked, onconnection() {} }, (hooks) => line.join(hooks));
const conditions = new Conditions(find("#conditions"), { onchange: showConditions });
const manner = new Manner(find("#composer"));
const composer = new Composer(find("#composer"), { onsend: ask, place: "chats." });
const list = new List({ place: find("#chats"), more: find("#more"), none: find("#none") });
const nodes = new Nodes(find("#node"), (node) => {
  list.load(node);
  go();
});
const thread = new Thread({ log: find("#log"), scroll: find("#scroll") }, { onagain: again, ondrop: drop, onedit: edit });
const past = new Past(find("#earlier"), { onmessages, onrun: (run) => courier.watch(run) });

/* --- sending ------------------------------------------------------------------------------------------------- */

async function ask(text) {
  composer.settle();
  if (manner.speak) talker.player.unlock(); // while the click or the key still counts
  showTrouble(find("#notice"), null);
  try {
    chat ??= await begin(text);
  } catch (problem) {
    edit({ body: { text } });
    return showTrouble(find("#notice"), problem);
  }
  const heard = { listener: nameIn(choices, "listener"), session: talker.session };
  const reply = courier.send(chat.id, { text, ...manner.wanted, ...heard }, operator.name);
  if (reply.body.speak) hear(reply);
  else talker.interrupt();
}

/** A new chat is opened with its first message, and named after it. */
async function begin(text) {
  const first = text.split("\n")[0].replace(/\p{Cc}+/gu, " ").trim();
  const title = first.length > TITLE_LETTERS ? `${first.slice(0, TITLE_LETTERS).trimEnd()}…` : first;
  const opened = await api("/api/chats", { method: "POST", json: { title, ...(nodes.chosen ? { node: nodes.chosen } : {}) } });
  list.put(opened);
  list.mark(opened.id);
  history.replaceState(null, "", `${location.search}#/${encodeURIComponent(opened.id)}`);
  showHead(opened);
  past.begin(opened.id);
  return opened;
}

/** Let a reply be heard from now on; what was heard before is cut off. */
function hear(reply) {
  talker.ask({ text: reply.body.text, language: reply.body.language ?? "en", reply });
  showSound();
}

function again(reply) {
  if (reply.body.speak) hear(reply);
  courier.again(reply);
}

function drop(reply) {
  courier.drop(reply);
  edit(reply);
}

/** Give a text back to whoever wrote it. */
function edit(reply) {
  if (reply.key) courier.drop(reply);
  const { text } = reply.body;
  composer.put(composer.isEmpty ? text : `${text}\n${composer.field.value}`);
  composer.focus();
}

/* --- what comes ---------------------------------------------------------------------------------------------- */

function onchange(reply) {
  if (reply.state === "failed") line.fail(reply);
  if (reply.chat !== chat?.id) return;
  if (thread.has(reply)) thread.show(reply);
  else if (reply.state !== "done" && reply.state !== "dropped") thread.follow(reply);
  find("#empty").hidden = !thread.isEmpty;
  if (reply.state === "done") say(find("#told"), "thread.told", { text: reply.text });
  showSound();
}

function onmessages(messages) {
  for (const { run, role } of messages) if (role === "assistant") courier.answered(run);
  const fresh = thread.put(messages.filter(({ run, role }) => role === "assistant" || !courier.carries(run)));
  find("#empty").hidden = !thread.isEmpty;
  if (fresh.length > 0 && fresh.length < messages.length) say(find("#told"), "thread.told", { text: fresh[0].text });
}

/* --- showing ------------------------------------------------------------------------------------------------- */

function showSound() {
  const { turn } = talker;
  const state = talker.isTalking ? turn.state : turn?.state === "interrupted" ? "interrupted" : "ready";
  if (find("#status").dataset.text !== `status.${state}`) say(find("#status"), `status.${state}`);
  document.body.dataset.state = state;
  find("#stop").hidden = !talker.isTalking;
}

function closed() {
  showSound();
  conditions.look();
}

function onblocked(blocked) {
  find("#listen").hidden = !blocked;
}

function showHead(known) {
  find("#title").textContent = known?.title ?? "";
  if (known) hush(find("#title"));
  else say(find("#title"), "chat.new");
  if (known) find("#title").textContent = known.title;
  find("#owner").hidden = !known;
  if (known) say(find("#owner"), "chat.owner", { owner: known.owner });
  find("#remove").hidden = !known || !operator.may("send");
}

/** What the server's condition, and the key, mean for whoever writes. */
function showConditions() {
  const may = operator.may("send");
  composer.close(!may);
  find("#unsent").hidden = may;
  const off = conditions.off !== null;
  find("#speak").disabled = off;
  find("#speak-off").hidden = !off || !may;
  const forced = conditions.forcedProfile === "fast";
  find("#profiles").dataset.forced = conditions.forcedProfile ?? "";
  find("#profiles input[value=quality]").disabled = forced;
  find("#profile-off").hidden = !forced;
}

/* --- choosing ------------------------------------------------------------------------------------------------ */

/** The chat in the address; `new`, or empty for none. */
const named = () => decodeURIComponent(/^#\/(.+)$/.exec(location.hash)?.[1] ?? "");

async function go() {
  const id = named();
  document.body.dataset.view = id === "" ? "list" : "one";
  if (chat !== null && chat.id === id) return;
  chat = null;
  past.close();
  thread.clear();
  list.mark(id || null);
  showTrouble(find("#notice"), null);
  showHead(null);
  find("#gone").hidden = true;
  find("#empty").hidden = id !== "" && id !== NEW;
  find("#composer").hidden = false;
  if (id !== "" && id !== NEW) await open(id);
  if (matchMedia("(min-width: 901px)").matches && operator.may("send")) composer.focus();
}

async function open(id) {
  try {
    const known = await api(`/api/chats/${encodeURIComponent(id)}`);
    if (named() !== id) return;
    chat = known;
    showHead(known);
    for (const reply of courier.of(id)) thread.follow(reply);
    await past.open(id);
    thread.toEnd();
  } catch (problem) {
    if (named() !== id) return;
    showTrouble(find("#gone"), problem);
    find("#composer").hidden = chat === null;
  }
}

async function remove() {
  const { id, title } = chat;
  const act = async () => {
    await api(`/api/chats/${encodeURIComponent(id)}`, { method: "DELETE" });
    return true;
  };
  const done = await question({ title: ["remove.title"], text: ["remove.text", { title }], yes: ["remove.yes"], harm: true, act });
  if (!done) return;
  talker.interrupt();
  courier.forget(id);
  list.remove(id);
  toast("remove.done", { title });
  location.hash = "";
}

function key(event) {
  if (event.defaultPrevented || document.querySelector("dialog[open], :popover-open")) return;
  const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select");
  if (event.key === "Escape") {
    talker.interrupt();
  } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    composer.focus();
  }
}

async function begun() {
  operator = await joinShell({ page: "chats", scope: "read", onlanguage: speak });
  if (operator === null) return;
  for (const part of document.querySelectorAll("[data-waits]")) part.hidden = false;
  find("#stop").addEventListener("click", () => talker.interrupt());
  find("#listen").addEventListener("click", () => talker.player.unlock());
  find("#remove").addEventListener("click", remove);
  document.addEventListener("keydown", key);
  addEventListener("hashchange", go);
  addEventListener("popstate", () => nodes.load());
  showConditions();
  conditions.watch();
  manner.load();
  setInterval(() => thread.tick(), 500);
  setInterval(() => document.hidden || chat === null || courier.busy(chat.id) || past.look(), LOOK_MS);
  courier.resume();
  document.addEventListener("visibilitychange", () => document.hidden || list.look());
  await nodes.load();
  await Promise.all([list.load(nodes.chosen), go()]);
  document.body.dataset.ready = "yes";
}

function speak() {
  manner.show();
  nodes.show();
  thread.speak();
}

window._voiceStats = () => statsOf(talker, conditions);

begun();
