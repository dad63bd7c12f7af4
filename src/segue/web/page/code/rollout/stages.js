/** The stages of the plan from left to right: what is over, what is running and how long still, what comes. */

import { figure, words } from "../words.js";
import { make, put, shape, write } from "../build.js";
import { basis, span } from "./figures.js";
import { cohortOf, live, stageName } from "./sentence.js";

export class Stages {
  /** @param {HTMLElement} place an ordered list */
  constructor(place) {
    this.place = place;
  }

  /** Rebuild what changed; the clock of the current stage is set by `tick`. */
  show(status) {
    const over = status.phase === "rolled_back";
    put(this.place, ...status.stages.map((stage, index) => item(stage, index, status, over)));
    this.place.dataset.phase = status.phase;
  }

  /** @param {{elapsed_s: number, left_s: number, dwell_s: number}} clock */
  tick({ elapsed_s, left_s, dwell_s }, ended) {
    const bar = this.place.querySelector(".dwell span");
    const text = this.place.querySelector(".left");
    if (!bar) return;
    const done = dwell_s > 0 ? Math.min(1, elapsed_s / dwell_s) : 1;
    bar.style.setProperty("--share", (ended ? 0 : done).toFixed(4));
    if (ended) write(text, "");
    else if (left_s > 0) write(text, words("part.left", { left: span(left_s), dwell: span(dwell_s) }));
    else write(text, words("stage.over", { elapsed: span(elapsed_s) }));
  }
}

function item(stage, index, status, over) {
  const current = stage.state === "current" && status.phase !== "promoted";
  const state = stage.state === "done" ? "done" : current ? (over ? "stopped" : "current") : "next";
  const mark = make("span", { class: "mark", "aria-hidden": "true" });
  mark.append(state === "done" ? shape("pass") : state === "stopped" ? shape("rolled_back") : figure(index + 1));
  const cohort = cohortOf(stage.cohort);
  return make(
    "li",
    { "data-state": state, "aria-current": current && !over ? "step" : null },
    mark,
    make(
      "div",
      { class: "step" },
      make("span", { class: "unseen" }, `${words(`stage.${state}`)}: `),
      make("b", { class: "stage-name" }, stageName(stage.name)),
      make("span", { class: "stage-share" }, basis(stage.share_bp)),
      make("span", { class: "stage-dwell" }, words("stage.dwell", { dwell: span(stage.dwell_s) })),
      cohort ? make("span", { class: "stage-cohort" }, cohort) : null,
      stage.approval ? approval(agreed(stage, index, status)) : null,
      current && !over ? make("span", { class: "gauge dwell", "aria-hidden": "true" }, make("span")) : null,
      current && !over ? make("span", { class: "left" }) : null,
    ),
  );
}

/** Whether somebody has agreed to a stage: to those that were entered, and to the next one as the status says. */
function agreed(stage, index, { stage: now, phase, approval: asked }) {
  if (stage.state !== "next") return true;
  return index === now.index + 1 && !asked.needed && live(phase);
}

function approval(given) {
  const key = given ? "stage.agreed" : "stage.approval";
  return make("span", { class: "agree", "data-given": given ? "yes" : "no" }, shape(given ? "pass" : "person"), words(key));
}
