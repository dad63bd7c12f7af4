/**
 * The player: takes the packets of one reply after another and sees that they are heard.
 *
 * A reply may arrive much faster than it can be spoken. What does not fit the output's ring waits here and follows as
 * the ring drains; nothing is thrown away. Packets of any generation but the current one are dropped and counted.
 */

import { Cushion } from "./cushion.js";
import { STREAM_RATE } from "./packet.js";
import { ScheduledOutput } from "./scheduled.js";
import { WorkletOutput } from "./worklet.js";

const SMALLEST_WRITE = STREAM_RATE / 10;

export class Player {
  /**
   * @param {object} hooks
   * @param {() => void} [hooks.onchange] the numbers changed
   * @param {(generation: number) => void} [hooks.onfinish] the last sample of a reply was played
   * @param {(blocked: boolean) => void} [hooks.onblocked] the browser waits for a tap before it plays
   * @param {Cushion} [hooks.cushion]
   * @param {boolean} [hooks.plain] use scheduled sources even where there is an AudioWorklet
   * @param {object} [hooks.contextOptions]
   */
  constructor({ onchange, onfinish, onblocked, cushion, plain = false, contextOptions } = {}) {
    this.onchange = onchange ?? (() => {});
    this.onfinish = onfinish ?? (() => {});
    this.onblocked = onblocked ?? (() => {});
    this.cushion = cushion ?? new Cushion();
    this.plain = plain;
    this.contextOptions = contextOptions ?? { latencyHint: "interactive", sampleRate: STREAM_RATE };
    this.context = null;
    this.output = null;
    this.reply = null;
    this.blocked = false;
    document.addEventListener("visibilitychange", () => this.output?.hidden(document.hidden));
  }

  /** Make or wake the audio context. Call it synchronously in a click or key press, or browsers keep it silent. */
  unlock() {
    if (!this.context) {
      this.context = makeContext(this.contextOptions);
      this.context.onstatechange = () => this.#contextChanged();
      this.opened = this.#open();
    }
    if (this.context.state !== "running") this.context.resume().catch(() => {});
    return this.opened;
  }

  /** A new reply begins; what is left of the one before is cut off. */
  begin(generation) {
    this.reply = newReply(generation);
    this.output?.begin(generation, this.#cushionNow());
    this.#contextChanged();
  }

  /** @param {{generation: number, seq: number, pcm: Int16Array, lastOfSentence?: boolean, end?: boolean}} packet */
  packet(packet) {
    const reply = this.reply;
    if (!reply || packet.generation !== reply.generation || reply.cleared) {
      if (reply) reply.dropped += 1;
      return;
    }
    if (packet.pcm.length > 0) this.#enqueue(packet.seq, packet.pcm, packet.lastOfSentence === true);
    if (packet.end) this.end(packet.generation);
    else this.#pump();
  }

  /** Nothing more will come for this reply. Saying so twice does no harm. */
  end(generation) {
    const reply = this.reply;
    if (!reply || generation !== reply.generation || reply.cleared || reply.ended) return;
    reply.ended = true;
    if (reply.received === 0) this.#finish();
    else this.#pump();
  }

  /** Silence, at once. */
  clear() {
    const reply = this.reply;
    if (!reply || reply.cleared || reply.finished) return;
    reply.cleared = true;
    reply.clearedAt = performance.now();
    reply.queue = [];
    reply.queued = 0;
    this.#contextChanged();
    this.output?.clear();
    this.onchange();
  }

  /** Which sentence is in the listener's ear now: its seq, or null. */
  get heardSeq() {
    const reply = this.reply;
    if (!reply?.status || Number.isNaN(reply.status.startedAt_s)) return null;
    const at = reply.status.played - (this.#latency_ms() / 1000) * STREAM_RATE;
    let seq = null;
    for (const sentence of reply.sentences) if (sentence.from <= Math.max(0, at)) seq = sentence.seq;
    return seq;
  }

  /** What was measured of the current or latest reply; `app.js` documents the fields with `_voiceStats()`. */
  get numbers() {
    const reply = this.reply ?? newReply(0);
    const status = reply.status;
    return {
      state: reply.finished ? "ended" : reply.cleared ? "cleared" : (status?.state ?? "gathering"),
      first_played_at: reply.firstPlayedAt,
      played_s: (status?.played ?? 0) / STREAM_RATE,
      received_s: reply.received / STREAM_RATE,
      buffered_ms: reply.finished || reply.cleared ? 0 : ((status?.buffered ?? 0) + reply.queued) / (STREAM_RATE / 1000),
      cushion_ms: this.cushion.at(performance.now()),
      underflow_events: status?.events ?? 0,
      underflow_ms: status?.starved_ms ?? 0,
      max_gap_ms: status?.maxGap_ms ?? 0,
      gaps: reply.gaps.map((gap) => ({ ...gap })),
      interrupted_ms: (status?.interrupted_ms ?? 0) + reply.interrupted_ms,
      dropped_packets: reply.dropped,
      refused_samples: status?.refused ?? 0,
      stopped_ms: reply.stopped_ms,
      output_latency_ms: this.#latency_ms(),
      context_rate: this.context?.sampleRate ?? 0,
      player: this.output?.kind ?? "none",
    };
  }

  async #open() {
    const onstatus = (status) => this.#heard(status);
    try {
      if (this.plain || !this.context.audioWorklet) throw new TypeError("no AudioWorklet");
      this.output = await WorkletOutput.open(this.context, onstatus);
    } catch {
      this.output = new ScheduledOutput(this.context, onstatus);
    }
    this.output.hidden(document.hidden);
    if (!this.reply || this.reply.cleared || this.reply.finished) return;
    this.output.begin(this.reply.generation, this.#cushionNow());
    this.#pump();
  }

  #enqueue(seq, pcm, lastOfSentence) {
    const reply = this.reply;
    if (reply.sentences.at(-1)?.seq !== seq) reply.sentences.push({ seq, from: reply.received });
    reply.queue.push({ pcm, lastOfSentence });
    reply.firstPacketAt ??= performance.now();
    reply.queued += pcm.length;
    reply.received += pcm.length;
    this.#contextChanged();
  }

  #pump() {
    const reply = this.reply;
    const output = this.output;
    if (!output) return;
    while (reply.queue.length > 0) {
      const { pcm, lastOfSentence } = reply.queue[0];
      const room = output.room;
      if (room < Math.min(pcm.length, SMALLEST_WRITE)) return;
      if (pcm.length <= room) {
        reply.queue.shift();
        reply.queued -= pcm.length;
        output.write(pcm, lastOfSentence);
      } else {
        reply.queue[0] = { pcm: pcm.slice(room), lastOfSentence };
        reply.queued -= room;
        output.write(pcm.slice(0, room), false);
      }
    }
    if (reply.ended && !reply.endTold) {
      reply.endTold = true;
      output.end();
    }
  }

  #heard(status) {
    const reply = this.reply;
    if (!reply || status.generation !== reply.generation || reply.finished) return;
    this.#noteGap(status);
    reply.status = status;
    if (reply.firstPlayedAt === null && !Number.isNaN(status.startedAt_s)) {
      // A busy device's stamp of its output may be stale by a reply's length; no sound comes before its packet.
      reply.firstPlayedAt = Math.max(this.#heardAt(status.startedAt_s), reply.firstPacketAt);
    }
    if (status.state === "cleared") reply.stopped_ms = performance.now() - reply.clearedAt;
    else if (!reply.cleared) this.#pump();
    if (status.state === "ended") this.#finish();
    else this.onchange();
  }

  /** Keep where each gap was: its sentence, and whether it fell between two sentences or inside one. */
  #noteGap(status) {
    const reply = this.reply;
    const before = reply.status?.events ?? 0;
    const longer = status.events === before && reply.gaps.length > 0 && status.gap_ms > reply.gaps.at(-1).ms;
    if (status.events > before) {
      const next = reply.sentences.find((sentence) => sentence.from >= status.gapAt && sentence.from > 0);
      const inside = reply.sentences.findLast((sentence) => sentence.from < status.gapAt);
      const between = next !== undefined && next.from - status.gapAt < 8;
      const seq = between ? next.seq : (inside?.seq ?? null);
      reply.gaps.push({ at_s: status.gapAt / STREAM_RATE, ms: status.gap_ms, seq, between });
      this.cushion.underflow(performance.now());
      this.output.cushion(this.#cushionNow());
    } else if (longer) {
      reply.gaps.at(-1).ms = status.gap_ms;
    }
  }

  #finish() {
    const reply = this.reply;
    reply.finished = true;
    this.#contextChanged();
    this.onchange();
    this.onfinish(reply.generation);
  }

  #cushionNow() {
    const now = performance.now();
    return { cushion_s: this.cushion.at(now) / 1000, patient: this.cushion.isRaised(now) };
  }

  /** The context stopped or went on: a stopped one is an interruption, not an underflow. */
  #contextChanged() {
    const reply = this.reply;
    const waits = reply !== null && reply.received > 0 && !reply.finished && !reply.cleared;
    const blocked = waits && this.context !== null && this.context.state !== "running";
    if (blocked && reply.interruptedSince === null) reply.interruptedSince = performance.now();
    if (!blocked) this.#endInterruption();
    if (blocked !== this.blocked) {
      this.blocked = blocked;
      this.onblocked(blocked);
    }
  }

  #endInterruption() {
    const reply = this.reply;
    if (reply === null || reply.interruptedSince === null) return;
    reply.interrupted_ms += performance.now() - reply.interruptedSince;
    reply.interruptedSince = null;
  }

  /** When a moment of the context's time reaches the ear, on the clock of `performance.now()`. */
  #heardAt(context_s) {
    const stamp = this.context.getOutputTimestamp?.();
    if (stamp?.performanceTime > 0) return stamp.performanceTime + (context_s - stamp.contextTime) * 1000;
    return performance.now() + (context_s - this.context.currentTime) * 1000 + this.#latency_ms();
  }

  #latency_ms() {
    return (this.context?.outputLatency || this.context?.baseLatency || 0) * 1000;
  }
}

function newReply(generation) {
  return {
    generation,
    queue: [],
    queued: 0, // samples in `queue`
    received: 0, // samples
    sentences: [], // {seq, from}: the stream position at which each begins
    ended: false,
    endTold: false,
    finished: false,
    cleared: false,
    clearedAt: null,
    stopped_ms: null,
    status: null,
    firstPacketAt: null,
    firstPlayedAt: null,
    gaps: [],
    dropped: 0,
    interrupted_ms: 0,
    interruptedSince: null,
  };
}

function makeContext(options) {
  try {
    return new AudioContext(options);
  } catch {
    return new AudioContext(); // a rate this device refuses; the ring resamples
  }
}
