/**
 * Sentences about a rollout, a gate and a decision. In English they are the server's own (`{sentence}`, `{reason}`,
 * `{title}` in the texts), so that the page, the command line and the log say the same; in the other languages they are
 * made from the same numbers.
 */

import { figure, words } from "../words.js";
import { basis, evidence, inUnit, span } from "./figures.js";

/** How a rollout stands, in one or two sentences. `left_s` is what is left of the stage by now. */
export function sentenceOf(status, left_s = status.stage.left_s) {
  const { stage, phase } = status;
  const timed = (left) => words("part.left", { left: span(left), dwell: span(stage.dwell_s) });
  return words(`sentence.${phase}`, {
    sentence: status.sentence.replace(timed(stage.left_s), timed(left_s)), // the server's clock goes on in between
    where: where(status),
    hear: hear(status),
    rest: restOf(status, left_s),
    left: span(left_s),
    stage: stage.name,
    candidate: status.candidate.name,
    baseline: status.baseline.name,
    holdback: basis(status.holdback_bp),
  }).trim();
}

/** The same in a list, where only the beginning of a status is known. */
export function briefly({ phase, sentence, stage, share_bp }) {
  return words(`brief.${phase}`, { sentence, stage: stageName(stage.name), share: basis(share_bp), left: span(stage.left_s) });
}

/** Where it is: `Stage 2 of 3 (half)`. */
export function where({ stage, stages }) {
  const planned = stages.filter(({ name }) => name !== "bake");
  if (stage.index >= planned.length) return words("stage.bake");
  return words("part.where", { number: stage.index + 1, count: planned.length, stage: stage.name });
}

/** Who hears the candidate: `50 % hear chirp3`. */
export function hear({ share_bp, candidate }) {
  const key = share_bp === 0 ? "part.nobody" : share_bp >= 10_000 ? "part.everybody" : "part.some";
  return words(key, { share: basis(share_bp), candidate: candidate.name });
}

/** What the next step waits for, or nothing. */
export function waitingFor({ gates }) {
  const waiting = gates.filter(({ word }) => word === "wait");
  if (waiting.length === 0) return "";
  const { gate, n, missing } = waiting.reduce((one, other) => ((other.missing ?? 0) > (one.missing ?? 0) ? other : one));
  if (missing === null) return words("part.waiting", { gate, n });
  return words("part.waiting_more", { gate, n, missing });
}

function restOf(status, left_s) {
  const { dwell_s } = status.stage;
  const time = left_s > 0 ? words("part.left", { left: span(left_s), dwell: span(dwell_s) }) : "";
  if (status.frozen) return join(time, words("part.frozen"));
  if (status.approval.needed && left_s <= 0) return words("part.approval", { stage: status.approval.stage });
  return join(time, waitingFor(status));
}

const join = (...parts) => parts.filter(Boolean).map((part) => `${part}${words("part.end")}`).join("");

/** What a gate asks for. */
export function asked(gate) {
  return words(`asks.${gate.kind}`, { title: gate.title, limit: inUnit(gate.limit, gate.unit) });
}

/** What a gate says and on which numbers. */
export function said(gate) {
  const counted = gate.value !== null && gate.unit !== "none";
  const values = {
    reason: gate.reason,
    n: figure(gate.n),
    value: inUnit(gate.value, gate.unit),
    limit: inUnit(gate.limit, gate.unit),
    other: inUnit(gate.baseline_value, gate.unit),
    evidence: evidence(gate.evidence),
    line: evidence(gate.line),
    missing: gate.missing === null ? "–" : figure(gate.missing),
  };
  if (!counted) return words(`said.${gate.word}.bare`, values);
  if (gate.kind === "regression") return words("said.compared", values);
  return words(gate.word === "wait" && gate.missing !== null ? "said.wait.more" : `said.${gate.word}`, values);
}

/** What was decided: `Advanced to half: 50 % hear it`. */
export function decided(decision) {
  return words(`decided.${decision.kind}`, { stage: stageName(decision.stage_name), share: basis(decision.share_bp) });
}

/** Whether an attempt still goes on. */
export const live = (phase) => phase !== "promoted" && phase !== "rolled_back";

/** The bake is a stage whose name is ours; all others were named by whoever wrote the plan. */
export const stageName = (name) => (name === "bake" ? words("stage.bake") : name);

/** To whom a share is applied; empty for everybody. */
export function cohortOf(cohort) {
  const parts = [];
  for (const [kind, names] of Object.entries(cohort ?? {})) {
    if (names === "*" || names === null) continue;
    parts.push(names.length === 0 ? words("cohort.nobody") : words(`cohort.${kind}`, { names: listed(names) }));
  }
  return parts.join(" · ");
}

function listed(names) {
  return names.length > 4 ? words("cohort.more", { names: names.slice(0, 3).join(", "), more: names.length - 3 }) : names.join(", ");
}

