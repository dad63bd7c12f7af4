/**
 * The page: joins the parts that are in the document with the talker, the words and the choices.
 * `stats.js` documents what `window._voiceStats()` returns.
 */

import { choices, drafts, nameIn } from "./choices.js";
import { Composer } from "./composer.js";
import { Conditions } from "./conditions.js";
import { Conversation, troubleKey } from "./conversation.js";
import { Health } from "./health.js";
import { Microphone, MicrophoneError } from "./microphone.js";
import { base64FromBlob } from "./packet.js";
import { Panel } from "./panel.js";
import { showLine as sayLine } from "./shell/bar.js";
import { joinShell } from "./shell/shell.js";
import { statsOf } from "./stats.js";
import { Talker } from "./talker.js";
import { Voices } from "./voices.js";
import { hush, label, say, words } from "./words.js";

const find = (selector) => document.querySelector(selector);

let language = "en";

const panel = new Panel(find("#panel"));
const voices = new Voices(find("#voice"));
const health = new Health({ onchange: showHealth });
const conditions = new Conditions(find("#conditions"), { onchange: showConditions });
const conversation = new Conversation(
  { log: find("#log"), scroll: find("#scroll"), empty: find("#empty") },
  { onagain: (turn) => ask(turn.text), onedit: (turn) => edit(turn.text) },
);
const talker = new Talker({ onturn, onclose, onplay, onblocked, onconnection });
const composer = new Composer(find("#composer"), { onsend: ask });
const microphone = new Microphone({ onlevel: showLevel, onlimit: sendRecording });

/* --- asking ------------------------------------------------------------------------------------------------- */

function ask(text) {
  if (conditions.off !== null) return edit(text);
  discardRecording();
  showTrouble(null);
  conversation.add(talker.ask({ text, ...manner() }));
  onturn(talker.turn);
}

function manner() {
  return {
    language,
    profile: find("#profiles input:checked").value,
    voice: voices.chosen,
    listener: nameIn(choices, "listener"),
    chat: nameIn(drafts, "chat"),
  };
}

function edit(text) {
  composer.put(composer.isEmpty ? text : `${text}\n${composer.field.value}`);
  composer.focus();
}

async function toggleMicrophone() {
  if (microphone.isRecording) return sendRecording();
  if (microphoneKey() !== "microphone.start" || microphone.isOpening) return;
  talker.interrupt();
  talker.player.unlock();
  showTrouble(null);
  try {
    await microphone.start();
    showRecording(true);
  } catch (error) {
    if (!(error instanceof MicrophoneError)) throw error;
    showTrouble(error.code);
  }
}

async function sendRecording() {
  const sentAt = performance.now();
  showRecording(false);
  try {
    const recording = await microphone.stop();
    conversation.add(talker.ask({ audio: await base64FromBlob(recording), ...manner(), sentAt }));
    onturn(talker.turn);
    say(find("#status"), "status.hearing");
  } catch (error) {
    if (!(error instanceof MicrophoneError)) throw error;
    showTrouble(error.code);
  }
}

function stop() {
  return discardRecording() || talker.interrupt();
}

/** Whoever stops, or types instead, does not want the recording. Returns whether there was one. */
function discardRecording() {
  if (!microphone.isRecording) return false;
  microphone.cancel();
  showRecording(false);
  return true;
}

/* --- showing ------------------------------------------------------------------------------------------------ */

function onturn(turn) {
  if (turn.meta) {
    turn.provider ??= voices.providerOf(turn.meta.voice);
    composer.settle();
  }
  conversation.show(turn);
  showState(turn);
  onplay();
}

function onclose(turn, numbers) {
  conversation.close(turn, numbers);
  if (turn.error && !turn.meta && turn.text && composer.isEmpty && !turn.error.retryable) composer.put(turn.text);
  if (turn === talker.turn) showState(turn);
  panel.show({ turn: talker.turn, numbers, history: talker.history });
  conditions.look();
}

let painting = false;
function onplay() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    const { turn, player } = talker;
    panel.show({ turn, numbers: player.numbers });
    if (turn?.isActive) conversation.light(turn, player.heardSeq);
  });
}

function onblocked(blocked) {
  find("#listen").hidden = !blocked;
}

function onconnection(state) {
  panel.show({ connection: state });
  showLine();
  if (state === "open") {
    health.look();
    voices.load();
  }
}

function showState(turn) {
  const state = microphone.isRecording ? "recording" : (turn?.state ?? "ready");
  const heard = state === "waiting" && turn.text === "" && !turn.meta ? "hearing" : state;
  if (find("#status").dataset.text !== `status.${heard}`) say(find("#status"), `status.${heard}`);
  document.body.dataset.state = state;
  find("#stop").hidden = !talker.isTalking;
  find("#fresh").hidden = turn === null;
}

function showRecording(on) {
  const button = find("#microphone");
  button.setAttribute("aria-pressed", String(on));
  label(button, on ? "microphone.stop" : "microphone.start");
  document.body.dataset.state = on ? "recording" : "ready";
  say(find("#status"), on ? "status.recording" : "status.ready");
}

function showLevel(level) {
  find("#level").style.setProperty("--level", level.toFixed(3));
}

/** A trouble that belongs to no turn, in words; null takes it away. */
function showTrouble(code) {
  const notice = find("#notice");
  notice.hidden = code === null;
  if (code === null) hush(notice);
  else say(notice, troubleKey(code));
}

function showHealth() {
  showLine();
  talker.player.cushion.start_ms = health.cushion_ms ?? talker.player.cushion.start_ms;
  const key = microphoneKey();
  const reason = find("#reason");
  find("#microphone").setAttribute("aria-disabled", String(key !== "microphone.start"));
  reason.hidden = key === "microphone.start" || conditions.off !== null;
  if (reason.hidden) hush(reason);
  else say(reason, key);
}

/** What the server's condition means for whoever wants to ask: nothing to be sent, or no quality for now. */
function showConditions() {
  const off = find("#off");
  off.hidden = conditions.off === null;
  composer.close(!off.hidden);
  if (off.hidden) hush(off);
  else if (conditions.off) say(off, "switch.off.reason", { reason: conditions.off });
  else say(off, "switch.off");
  const forced = conditions.forcedProfile === "fast";
  find("#profiles").dataset.forced = conditions.forcedProfile ?? "";
  find("#profiles input[value=quality]").disabled = forced;
  find("#profile-off").hidden = !forced;
  showHealth();
}

/** Why the microphone cannot be used here and now, or its ordinary label. */
function microphoneKey() {
  if (conditions.off !== null) return "switch.off";
  if (health.state === null) return "microphone.start";
  if (!health.hears) return "microphone.deaf";
  return health.hearsLanguage(language) ? "microphone.start" : "microphone.unheard";
}

/** The line at the top: the connection first, then what the server says of itself. */
function showLine() {
  const { state } = talker.connection;
  let key = `connection.${state}`;
  let tone = state;
  if ((state === "open" || state === "http") && health.state !== null) {
    if (health.state === "unavailable") [key, tone] = ["health.unavailable", "waiting"];
    else if (!health.speaks(language)) [key, tone] = ["health.language", "waiting"];
    else if (health.state === "degraded") [key, tone] = ["health.degraded", "connecting"];
  }
  sayLine(tone, key);
}

/* --- choosing ----------------------------------------------------------------------------------------------- */

function speak(code) {
  language = code;
  voices.show(code);
  showHealth();
  panel.show({ language: code });
}

function key(event) {
  const typing = event.target.closest?.("input:not([type=radio]), textarea, select");
  if (event.key === "Escape") {
    if (!stop() && panel.isOpen) panel.toggle(false);
  } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    composer.focus();
  }
}

/** The first touch or key is enough to get the audio ready, so that the first reply does not wait for it. */
function warm() {
  if (navigator.userActivation?.isActive) talker.player.unlock();
}

function begin() {
  joinShell({ page: "talk", open: true, onlanguage: speak });
  const profile = choices.get("profile") === "quality" ? "quality" : "fast";
  find(`#profiles input[value=${profile}]`).checked = true;
  find("#profiles").addEventListener("change", (event) => choices.set("profile", event.target.value));
  find("#examples").addEventListener("click", ({ target }) => {
    if (target.matches("button")) ask(target.textContent);
  });
  find("#microphone").addEventListener("click", toggleMicrophone);
  find("#stop").addEventListener("click", stop);
  find("#listen").addEventListener("click", () => talker.player.unlock());
  find("#fresh").addEventListener("click", fresh);
  document.addEventListener("keydown", key);
  for (const touch of ["pointerup", "keyup"]) document.addEventListener(touch, warm, { once: true });
  composer.field.addEventListener("input", () => showTrouble(null));
  talker.connection.open();
  health.watch();
  conditions.watch();
  voices.load();
  panel.show({ turn: null, numbers: talker.player.numbers, history: [] });
}

function fresh() {
  talker.forget();
  drafts.set("chat", null);
  conversation.clear();
  showState(null);
  panel.show({ turn: null, numbers: talker.player.numbers });
  composer.focus();
}

window._voiceStats = () => statsOf(talker, conditions);

begin();
