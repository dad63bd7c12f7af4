/** One node: its name, its state in a word and a picture, how quickly it answered, and what keeps it from serving. */

import { make, put, shape, verbatim, write } from "../build.js";
import { tellTimes, timeOf } from "../shell/times.js";
import { duration, figure, words } from "../words.js";

const LOOKS = {
  ready: ["pass", "good"],
  "not ready": ["hold", "warn"],
  dead: ["breach", "bad"],
  unknown: ["wait", "plain"],
};

export class Card {
  constructor() {
    this.name = make("h2", { dir: "auto" });
    this.own = make("span", { class: "chip" });
    this.word = make("span", { class: "word" });
    this.url = make("p", { class: "address" });
    this.facts = make("dl", {});
    this.reasons = make("ul", { class: "reasons" });
    const top = make("header", {}, this.name, this.own, this.word);
    this.root = make("li", { class: "node" }, top, this.url, this.reasons, this.facts);
  }

  /** @param {object} node as `GET /api/nodes` gives it */
  show({ name, own, url, state, checked_at, answer_ms, version, reasons }) {
    const [picture, tone] = LOOKS[state] ?? LOOKS.unknown;
    this.root.dataset.state = state;
    this.root.dataset.node = name;
    write(this.name, name);
    this.own.hidden = !own;
    write(this.own, words("nodes.own"));
    this.word.dataset.tone = tone;
    put(this.word, shape(picture), words(`nodes.state.${state}`));
    this.url.hidden = !url;
    write(this.url, url ?? "");
    const sentences = Object.entries(reasons ?? {});
    this.reasons.hidden = sentences.length === 0;
    put(this.reasons, ...sentences.map(([what, why]) => make("li", {}, make("b", { class: "mono" }, what), " ", verbatim(why))));
    put(
      this.facts,
      own ? null : fact("nodes.answer", answer(answer_ms)),
      fact("nodes.checked", checked_at === null ? words("nodes.never") : timeOf(checked_at)),
      fact("nodes.version", version || "–"),
    );
    tellTimes(this.root);
  }
}

/** How long an answer took; below ten milliseconds a digit more is worth telling. */
function answer(ms) {
  return ms !== null && ms < 10 ? words("unit.ms", { number: figure(ms, 1) }) : duration(ms);
}

const fact = (name, value) => make("div", {}, make("dt", {}, words(name)), make("dd", {}, value));
