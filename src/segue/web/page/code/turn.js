/**
 * One turn as the listener's side sees it: what was asked, what came, and when. Times are milliseconds on the clock of
 * `performance.now()`; `sentAt` is the click that sent it.
 *
 * States: waiting (nothing heard yet), speaking, done, interrupted, failed.
 */
export class Turn {
  /** @param {{generation: number, language: string, text: string, sentAt: number}} asked */
  constructor({ generation, language, text, sentAt }) {
    this.generation = generation;
    this.language = language;
    this.text = text;
    this.sentAt = sentAt;
    this.state = "waiting";
    this.meta = null;
    this.heard = null;
    this.provider = null;
    this.transport = null;
    this.sentences = new Map(); // seq → text
    this.degraded = [];
    this.marks = {}; // name → milliseconds after sentAt
    this.done = null;
    this.error = null;
    this.streamed = false; // the server has said its last word
    this.reported = false;
  }

  /** Take in one event that arrived `now`. */
  event(event, now) {
    if (event.event === "meta") {
      this.meta = event;
      this.heard = event.heard ?? null;
      this.#mark("meta", now);
    } else if (event.event === "text") {
      this.#mark("first_text", now);
      this.sentences.set(event.seq, (this.sentences.get(event.seq) ?? "") + event.text);
    } else if (event.event === "speaker") {
      this.provider = event.provider;
    } else if (event.event === "degraded") {
      if (!this.degraded.some((known) => known.reason === event.reason)) this.degraded.push(event);
    } else if (event.event === "done") {
      this.done = event;
      this.streamed = true;
      this.#mark("done", now);
    } else if (event.event === "error") {
      this.error = event;
      this.streamed = true;
    }
  }

  /** Take note of a packet that arrived `now`. */
  packet(packet, now) {
    if (packet.resumed) this.event({ event: "degraded", reason: "resumed", message: "" }, now);
    if (packet.pcm.length > 0) this.#mark("first_audio", now);
  }

  /** The first sound of it was heard at that moment. */
  played(at) {
    this.#mark("first_played", at);
    if (this.state === "waiting") this.state = "speaking";
  }

  /** Its last sound was heard. What came before an error is heard out, so failing is known only now. */
  finish() {
    if (this.isActive) this.state = this.error ? "failed" : "done";
  }

  interrupt() {
    if (this.isActive) this.state = "interrupted";
  }

  get isActive() {
    return this.state === "waiting" || this.state === "speaking";
  }

  /** Milliseconds from sending to the first audio packet, or null: the listener's time to first audio. */
  get ttfa_ms() {
    return this.marks.first_audio ?? null;
  }

  /**
   * The stages that can be shown now, in order: `{name, ms}` with ms null for what has not happened.
   * When the first token came only the server knows, and it says so at the end; the first sentence is seen arriving.
   */
  get stages() {
    const timings = this.done?.timings ?? {};
    const { first_text, first_audio, first_played, done } = this.marks;
    return [
      { name: "request", ms: 0 },
      { name: "first_token", ms: timings.first_token_ms ?? null },
      { name: "first_sentence", ms: timings.first_sentence_ms ?? first_text ?? null },
      { name: "first_audio", ms: first_audio ?? null },
      { name: "playing", ms: first_played ?? null },
      { name: "done", ms: done ?? null },
    ];
  }

  #mark(name, now) {
    if (!(name in this.marks)) this.marks[name] = Math.max(0, now - this.sentAt);
  }
}
