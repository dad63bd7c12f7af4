/**
 * A message on its way and the reply to it, as this page sees them.
 *
 * States: sending (nothing is known of it yet), limited (too many were sent; it waits for its turn), writing, lost (the
 * connection is gone; the page asks again), done, failed, dropped (the sender took it back).
 */
const IN_PLACE = new Set(["degraded", "error"]); // what a server may say behind the latest event, without a number of its own

export class Reply {
  /**
   * @param {object} sent
   * @param {string | null} sent.key without one it is somebody else's, and can only be looked at
   * @param {string} sent.chat
   * @param {object} sent.body what is sent, the same with every try
   * @param {number} sent.at Unix seconds
   * @param {string} [sent.operator] name of whoever sent it
   * @param {string | null} [sent.run] once the server has told it
   * @param {object | null} [sent.error] if it failed
   */
  constructor({ key, chat, body, at, operator = "", run = null, error = null }) {
    this.key = key;
    this.chat = chat;
    this.body = body;
    this.at = at;
    this.operator = operator;
    this.run = run;
    this.state = run === null ? "sending" : "writing";
    this.attempt = 0;
    this.message = null; // the message as the server keeps it
    this.answer = null; // the message that answers
    this.#restart();
    this.seq = 0; // of the latest event that was taken in
    this.before = 0; // events up to this one are those of attempts before this one
    this.until = null; // when a limited one goes on, on the clock of `performance.now()`
    if (error !== null) this.fail(error);
  }

  /** Take in one event of the run. Returns false for one that was taken in before. */
  take({ seq, kind, data }) {
    if (seq < this.seq || (seq === this.seq && (seq <= this.before || !IN_PLACE.has(kind)))) return false;
    this.seq = Math.max(this.seq, seq);
    if (kind === "run" || kind === "restarted") this.#begun(data);
    else if (kind === "text") this.text += data.text;
    else if (kind === "degraded") this.#reduced(data);
    else if (kind === "done") this.#done(data);
    else if (kind === "error") this.fail(data);
    return true;
  }

  /** It will not be finished, unless it is sent again. */
  fail({ code = "other", message = "", retryable = false, node = null }) {
    this.error = { code, message, retryable, node };
    this.state = "failed";
  }

  /** Ask again for the same, with the same key: the run goes on behind what is known of it. */
  again() {
    this.before = this.seq;
    this.error = null;
    this.run = this.key === null ? this.run : null;
    this.state = this.run === null ? "sending" : "writing";
  }

  get isOver() {
    return this.state === "done" || this.state === "failed" || this.state === "dropped";
  }

  #begun({ run = this.run, message = null, attempt }) {
    if (attempt !== this.attempt) this.#restart();
    this.run = run;
    if (message !== null) this.message = { id: message, at: this.at, text: this.body.text, run, operator: this.operator };
    this.attempt = attempt;
    this.state = "writing";
  }

  #reduced({ reason, message = "" }) {
    if (!this.degraded.some((known) => known.reason === reason)) this.degraded.push({ reason, message });
  }

  #done({ reply }) {
    this.answer = reply;
    this.text = this.answer.text;
    this.error = null;
    this.state = "done";
  }

  #restart() {
    this.text = "";
    this.degraded = []; // [{reason, message}]
    this.error = null; // {code, message, retryable, node}
  }
}
