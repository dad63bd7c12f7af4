/** A tile for each gate: what it says, on which figures of both arms, and how the evidence grew. */

import { figure, words } from "../words.js";
import { band } from "./band.js";
import { make, put, shape, verbatim, write } from "../build.js";
import { Curve } from "./curve.js";
import { evidence, inUnit, span } from "./figures.js";
import { asked, said } from "./sentence.js";

export class Tile {
  /** @param {string} name */
  constructor(name) {
    const id = `gate-${name}`;
    this.root = make("article", { class: "tile", "aria-labelledby": id, "data-gate": name });
    this.state = make("span", { class: "state" });
    this.asks = make("p", { class: "asks" });
    this.says = make("p", { class: "says" });
    this.banded = make("div", { class: "place" });
    this.arms = make("div", { class: "place" });
    this.proof = make("div", { class: "proof" });
    this.drawn = make("div", { class: "curve", role: "img" });
    this.recorded = make("p", { class: "recorded" });
    this.root.append(
      make("header", {}, make("h3", { id }, name), this.state),
      this.asks,
      this.says,
      this.banded,
      this.arms,
      this.proof,
      this.drawn,
      this.recorded,
    );
    this.curve = null;
  }

  show(gate, status, ages) {
    this.gate = gate;
    this.root.dataset.word = gate.word;
    put(this.state, shape(gate.word), words(`word.${gate.word}`));
    write(this.asks, asked(gate));
    const sentence = said(gate);
    write(this.says, sentence);
    this.#recorded(gate, sentence);
    const drawn = band(gate);
    this.banded.replaceChildren(...(drawn ? [drawn] : []));
    put(this.arms, ...(gate.unit === "none" || gate.line === 0 ? [] : [arms(gate, status)]));
    put(this.proof, ...proof(gate));
    this.tick(ages);
    this.#draw(gate);
  }

  /** @param {{candidate_s: number | null, baseline_s: number | null}} ages of the latest turn of each arm, by now */
  tick(ages) {
    for (const cell of this.arms.querySelectorAll("[data-age]")) {
      const age_s = ages[cell.dataset.age];
      write(cell, age_s === null ? "–" : words("arm.ago", { span: span(age_s) }));
    }
  }

  redraw() {
    this.curve?.redraw();
  }

  remove() {
    this.curve?.remove();
    this.root.remove();
  }

  /** What stands in the log, where the page says it in another language. */
  #recorded(gate, sentence) {
    this.recorded.hidden = !gate.reason || gate.reason === sentence;
    if (!this.recorded.hidden) put(this.recorded, verbatim(gate.reason));
  }

  #draw(gate) {
    this.drawn.hidden = gate.line <= 0 || gate.curve.length === 0;
    if (this.drawn.hidden) return;
    const values = { evidence: evidence(gate.evidence), line: evidence(gate.line) };
    this.drawn.setAttribute("aria-label", words("curve.label", values));
    this.curve ??= new Curve(this.drawn);
    this.curve.show(gate.curve, gate.line, gate.word);
  }
}

/** Both arms side by side: the figure, the turns it rests on, and how old the latest is. */
function arms(gate, { candidate, baseline }) {
  const row = (arm, name, value, n) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("span", { class: `arm ${arm}` }, name)),
      make("td", {}, inUnit(value, gate.unit)),
      make("td", {}, figure(n)),
      make("td", { "data-age": `${arm}_s` }, "–"),
    );
  const counted = gate.kind === "regression" ? "arm.votes" : "arm.turns";
  const head = ["arm.name", gate.unit === "s" ? "arm.mean" : "arm.bad", counted, "arm.latest"];
  return make(
    "table",
    { class: "arms" },
    make("thead", {}, make("tr", {}, ...head.map((key) => make("th", { scope: "col" }, words(key))))),
    make(
      "tbody",
      {},
      row("candidate", candidate.name, gate.value, gate.n),
      row("baseline", baseline.name, gate.baseline_value, gate.baseline_n),
    ),
  );
}

/**
 * Claims, and how far each is proved: that the limit is not met and, beside a baseline, that the candidate is worse (both
 * together are a breach), and that all is well, which lets the rollout go on.
 */
function proof(gate) {
  if (gate.line <= 0) return [];
  const lines = [claim("harm", gate.evidence, gate.line)];
  if (gate.kind === "regression") return lines;
  if (gate.relative !== null) lines.push(claim("worse", gate.relative, gate.line));
  return [...lines, claim("safety", gate.certainty, gate.certain)];
}

function claim(kind, reached, needed) {
  const full = reached >= needed;
  const text = words("proof.of", { reached: evidence(reached), needed: evidence(needed) });
  return make(
    "p",
    { class: `claim ${kind}`, "data-full": full ? "yes" : "no" },
    make("span", {}, words(`proof.${kind}`)),
    make("b", {}, text),
  );
}
