/** The top of a rollout: its name, its phase, the sentence, and whatever an operator should know before anything else. */

import { words } from "../words.js";
import { make, put, shape, verbatim, write } from "../build.js";
import { basis, percent } from "./figures.js";
import { hear, live, sentenceOf, where } from "./sentence.js";

const LONG = 110; // a sentence with a reason in it is set smaller
const STALE_S = 30; // nobody looked for so long: the page says so even if the server does not

export class Head {
  /** @param {(id: string) => HTMLElement} find */
  constructor(find) {
    this.find = find;
    this.told = "";
  }

  show(status) {
    write(this.find("name"), status.name);
    put(this.find("phase"), shape(status.phase), words(`phase.${status.phase}`));
    this.find("phase").dataset.phase = status.phase;
    write(this.find("attempt"), status.attempt > 1 ? words("one.attempt", { attempt: status.attempt }) : "");
    write(this.find("about"), status.about);
    put(this.find("notices"), ...noticesOf(status));
    put(this.find("facts"), ...factsOf(status));
    this.#tell(status);
    document.title = `${words(`phase.${status.phase}`)} · ${status.name} · Segue`;
  }

  /** @param {number} left_s what is left of the stage by now */
  tick(status, left_s) {
    const sentence = sentenceOf(status, left_s);
    write(this.find("sentence"), sentence);
    this.find("sentence").classList.toggle("long", sentence.length > LONG);
  }

  /** A screen reader is told when something has changed, not each time a minute has passed. */
  #tell(status) {
    const parts = [words(`phase.${status.phase}`), where(status), hear(status), waits(status)];
    const told = parts.filter(Boolean).join(". ");
    if (told !== this.told) write(this.find("told"), told);
    this.told = told;
  }
}

const waits = (status) => (status.phase === "running" && status.gates.some(({ word }) => word === "wait") ? gatesOf(status) : "");

const gatesOf = ({ gates }) =>
  words("part.gates", { gates: gates.filter(({ word }) => word === "wait").map(({ gate }) => gate).join(", ") });

/** Everything that is out of the ordinary, the worst first, each with the server's own reason. */
function noticesOf(status) {
  const found = [];
  const note = (tone, icon, key, values, reason) => found.push({ tone, icon, text: words(key, values), reason });
  for (const { gate, action, reason, character } of status.breaches) {
    note("bad", "breach", character ? "notice.breach_alone" : "notice.breach", { gate, character, action: words(`action.${action}`) }, reason);
  }
  const { why, last, phase } = status;
  const reason = why || (last && phase === "rolled_back" ? last.reason : "");
  const told = (text) => sentenceOf(status).includes(text.replace(/[.!?]$/, ""));
  if (reason && !told(reason) && ["held", "paused", "rolled_back"].includes(phase)) {
    note(phase === "paused" ? "warn" : phase === "held" ? "warn" : "bad", phase, `notice.${phase}`, {}, reason);
  }
  for (const { code, gate, reason: doubt } of status.doubts) note("warn", "hold", doubtKey(code), { gate }, doubt);
  if (status.frozen && !told(status.frozen)) note("warn", "frozen", "notice.frozen", {}, status.frozen);
  if (status.dropped.length > 0) note("warn", "down", "notice.dropped", { characters: status.dropped.join(", ") }, "");
  if (status.approval.needed) note("plain", "person", "notice.approval", { stage: status.approval.stage }, "");
  if (status.restricted) note("warn", "note", "notice.restricted", {}, status.restricted);
  const { stalled, ticked_s_ago } = status.controller;
  if (live(phase) && (stalled || ticked_s_ago > STALE_S)) note("bad", "breach", "notice.stalled", {}, "");
  return found.map(({ tone, icon, text, reason: written }) => {
    const sentence = make("span", {}, make("b", {}, text));
    if (written) sentence.append(" ", verbatim(written));
    return make("p", { class: "note", "data-tone": tone }, shape(icon), sentence);
  });
}

const DOUBTS = ["common_cause", "routing", "no_data", "stale", "source"];
const doubtKey = (code) => (DOUBTS.includes(code) ? `doubt.${code}` : "doubt.other");

function factsOf({ plan, holdback_bp, changes, key }) {
  const facts = [
    ["facts.key", key],
    ["facts.version", String(plan.version)],
    ["facts.changes", words(`changes.${changes}`)],
    ["facts.alpha", percent(plan.alpha)],
    ["facts.beta", percent(plan.beta)],
    ["facts.holdback", basis(holdback_bp)],
    ["facts.candidate", plan.candidate_digest],
    ["facts.gates", plan.gate_digest],
  ];
  return facts.map(([name, value]) => make("div", {}, make("dt", {}, words(name)), make("dd", {}, value)));
}

