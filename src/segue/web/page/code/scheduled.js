/**
 * The fallback where there is no AudioWorklet (an insecure origin, an old browser): each packet becomes a source node
 * that is scheduled to begin where the one before it ends. It keeps the rules of ring.js, but notices a gap by the clock.
 */

import { STREAM_RATE } from "./packet.js";

const WALL_CAP_S = 1.5;
const MERGE_GAP_S = 0.04;
const LEAD_S = 0.02;
const AHEAD_S = 10;
const FALL_S = 0.01;
const LOOK_EVERY_MS = 32;

export class ScheduledOutput {
  kind = "scheduled";

  /** @param {AudioContext} context @param {(status: object) => void} onstatus */
  constructor(context, onstatus) {
    this.context = context;
    this.onstatus = onstatus;
    this.isHidden = false;
    this.sources = new Set();
    this.gain = null;
  }

  get room() {
    return Math.floor((AHEAD_S - Math.max(0, this.next_s - this.context.currentTime)) * STREAM_RATE) - this.gathered;
  }

  begin(generation, cushion) {
    this.silence();
    this.cushion(cushion);
    this.generation = generation;
    this.gain = this.context.createGain();
    this.gain.connect(this.context.destination);
    this.waiting = [];
    this.gathered = 0; // samples in `waiting`
    this.scheduled = 0; // samples handed to source nodes
    this.next_s = 0;
    this.firstAt_s = NaN; // context time at which the gathering has had something to gather
    this.startedAt_s = NaN;
    this.isBeginning = false;
    this.ended = false;
    this.sentenceEnded = false;
    this.state = "gathering";
    this.events = 0;
    this.starved_s = 0;
    this.maxGap_s = 0;
    this.gap_s = 0;
    this.gapAt = 0;
    this.gapEnd_s = -Infinity;
    this.interrupted_s = 0;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  write(samples, sentenceEnd) {
    this.waiting.push(samples);
    this.gathered += samples.length;
    if (sentenceEnd) this.sentenceEnded = true;
    if (Number.isNaN(this.firstAt_s)) this.firstAt_s = this.context.currentTime;
    this.look();
  }

  end() {
    this.ended = true;
    this.look();
  }

  clear() {
    if (this.state === "starving") this.closeGap(this.context.currentTime);
    const played = this.played;
    this.silence();
    this.state = "cleared";
    this.waiting = [];
    this.gathered = 0;
    this.scheduled = played;
    this.next_s = 0;
    this.tell();
  }

  cushion({ cushion_s, patient }) {
    this.cushion_samples = cushion_s * STREAM_RATE;
    this.patient = patient;
  }

  hidden(hidden) {
    this.isHidden = hidden;
  }

  get played() {
    return Math.round(this.scheduled - Math.max(0, this.next_s - this.context.currentTime) * STREAM_RATE);
  }

  /** Notice what the clock has brought, schedule what may be scheduled, and say how things stand. */
  look() {
    const now = this.context.currentTime;
    if (this.state === "playing" && now >= this.next_s && this.gathered === 0) {
      if (this.ended) return this.finish("ended");
      this.state = "starving";
      this.firstAt_s = NaN;
      this.sentenceEnded = false;
      this.gapFrom_s = this.next_s;
      this.gapFrom = this.scheduled;
    }
    if (this.state !== "playing" && this.isReady(now)) {
      if (this.gathered === 0) return this.finish("ended");
      this.isBeginning = true;
      this.state = "playing";
    }
    if (this.state === "playing") this.schedule();
    this.tell();
  }

  isReady(now) {
    if (this.ended) return true;
    if (this.gathered === 0) return false;
    if (this.gathered >= this.cushion_samples || now - this.firstAt_s >= WALL_CAP_S) return true;
    return this.sentenceEnded && !this.patient;
  }

  /** Give what waits to source nodes. They are made first: that takes time on a busy page, and is no gap in the sound. */
  schedule() {
    const sources = this.waiting.map((samples) => this.source(samples));
    this.waiting = [];
    this.gathered = 0;
    if (this.isBeginning) this.beginAt(this.context.currentTime + LEAD_S);
    for (const source of sources) {
      const now = this.context.currentTime;
      if (now > this.next_s) {
        this.gapFrom_s = this.next_s;
        this.gapFrom = this.scheduled;
        this.closeGap(now);
        this.next_s = now;
      }
      source.start(this.next_s);
      this.next_s += source.buffer.duration;
      this.scheduled += source.buffer.length;
    }
  }

  /** The sound begins, or goes on after a gap, at that context time. */
  beginAt(time_s) {
    this.isBeginning = false;
    if (this.scheduled > 0) this.closeGap(time_s);
    else this.startedAt_s = time_s;
    this.next_s = time_s;
  }

  source(samples) {
    const buffer = this.context.createBuffer(1, samples.length, STREAM_RATE);
    const channel = buffer.getChannelData(0);
    for (let at = 0; at < samples.length; at += 1) channel[at] = samples[at] / 32768;
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.gain);
    source.onended = () => this.sources.delete(source);
    this.sources.add(source);
    return source;
  }

  closeGap(end_s) {
    const length_s = Math.max(0, end_s - this.gapFrom_s);
    if (this.isHidden) {
      this.interrupted_s += length_s;
    } else {
      const merged = this.events > 0 && this.gapFrom_s - this.gapEnd_s < MERGE_GAP_S;
      this.events += merged ? 0 : 1;
      this.gap_s = (merged ? this.gap_s : 0) + length_s;
      this.gapAt = merged ? this.gapAt : this.gapFrom;
      this.maxGap_s = Math.max(this.maxGap_s, this.gap_s);
      this.starved_s += length_s;
    }
    this.gapEnd_s = end_s;
  }

  finish(state) {
    this.state = state;
    clearInterval(this.timer);
    this.tell();
  }

  silence() {
    clearInterval(this.timer);
    if (!this.gain) return;
    const now = this.context.currentTime;
    this.gain.gain.setValueAtTime(1, now);
    this.gain.gain.setTargetAtTime(0, now, FALL_S / 5);
    for (const source of this.sources) source.stop(now + FALL_S);
    this.sources.clear();
    this.gain = null;
  }

  tell() {
    this.onstatus({
      generation: this.generation,
      state: this.state,
      played: this.played,
      buffered: this.gathered + this.scheduled - this.played,
      startedAt_s: this.startedAt_s,
      events: this.events,
      starved_ms: this.starved_s * 1000,
      maxGap_ms: this.maxGap_s * 1000,
      gapAt: this.gapAt,
      gap_ms: this.gap_s * 1000,
      interrupted_ms: this.interrupted_s * 1000,
      refused: 0,
    });
  }
}
