/**
 * The ring: what runs on the audio thread. It is given PCM and plays it; it counts what it played and where it starved.
 *
 * Everything it needs is allocated once. `process` allocates nothing: it reads the ring, adds the fading tail and now
 * and then posts one reused array of numbers (STATUS says which).
 *
 * An underflow is a quantum in which the ring is empty while a reply is playing and its end is not known yet.
 * Gaps less than 40 ms apart are one event. No underflow: silence before the first audio, after the end or after a
 * clear; a wait that turned out to be the end (the end marker came late, and no audio after it); and what is missing
 * while the page is hidden, which is counted as interruption.
 *
 * Messages in: turn {generation, cushion_s, patient}, pcm {generation, samples: Int16Array, sentenceEnd},
 * end {generation}, clear {generation}, cushion {cushion_s, patient}, hidden {hidden}.
 */

const CAPACITY = 1 << 18; // samples, a power of two: 10.9 s at 24 kHz
const MASK = CAPACITY - 1;
const WALL_CAP_S = 1.5;
const MERGE_GAP_S = 0.04;
const RISE_FRAMES = 64;
const FALL_S = 0.01;
const STATUS_EVERY_S = 0.032;

const IDLE = 0;
const GATHERING = 1;
const PLAYING = 2;
const STARVING = 3;
const ENDED = 4;
const CLEARED = 5;

/* Places in the status array; worklet.js reads them in the same order. */
const STATUS = {
  generation: 0,
  state: 1,
  played: 2, // samples of the stream that were handed to the device
  buffered: 3, // samples in the ring
  startedAt_s: 4, // context time of the first sample, NaN before
  events: 5,
  starved_s: 6,
  maxGap_s: 7,
  gapAt: 8, // stream position, in samples, of the latest gap
  gap_s: 9, // its length
  interrupted_s: 10,
  refused: 11, // samples that did not fit; stays 0 as long as the feeder keeps its promise
};

class Ring extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.step = options.processorOptions.streamRate / sampleRate;
    this.streamRate = options.processorOptions.streamRate;
    this.ring = new Float32Array(CAPACITY);
    this.tail = new Float32Array(Math.ceil(FALL_S * sampleRate));
    this.status = new Float64Array(Object.keys(STATUS).length);
    this.hidden = false;
    this.tailAt = this.tail.length;
    this.lastOut = 0;
    this.begin({ generation: 0, cushion_s: 0, patient: false });
    this.state = IDLE;
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told(message) {
    if (message.kind === "turn") this.begin(message);
    else if (message.kind === "hidden") this.hidden = message.hidden;
    else if (message.kind === "cushion") this.wait(message);
    else if (message.generation !== this.generation || this.state === CLEARED) return;
    else if (message.kind === "pcm") this.write(message.samples, message.sentenceEnd);
    else if (message.kind === "end") this.ended = true;
    else if (message.kind === "clear") this.clear();
  }

  begin(message) {
    if (this.state === PLAYING) this.fallFromRing();
    this.generation = message.generation;
    this.wait(message);
    this.state = GATHERING;
    this.written = 0;
    this.read = 0;
    this.phase = 0;
    this.ended = false;
    this.sentenceEnded = false;
    this.waited = 0; // frames spent gathering with something in the ring
    this.rise = RISE_FRAMES;
    this.startedAt_s = NaN;
    this.events = 0;
    this.starved = 0; // frames
    this.maxGap = 0;
    this.gap = 0;
    this.gapAt = 0;
    this.pending = 0; // frames of the gap that is going on
    this.playedSinceGap = Infinity;
    this.interrupted = 0;
    this.refused = 0;
    this.sinceStatus = 0;
  }

  wait({ cushion_s, patient }) {
    this.cushion = cushion_s * this.streamRate;
    this.patient = patient;
  }

  write(samples, sentenceEnd) {
    const room = CAPACITY - 4 - (this.written - this.read);
    const count = Math.min(room, samples.length);
    for (let at = 0; at < count; at += 1) this.ring[(this.written + at) & MASK] = samples[at] / 32768;
    this.written += count;
    this.refused += samples.length - count;
    if (sentenceEnd) this.sentenceEnded = true;
  }

  clear() {
    if (this.state === PLAYING) this.fallFromRing();
    if (this.state === STARVING) this.closeGap();
    this.state = CLEARED;
    this.written = this.read;
    this.tell();
  }

  process(_inputs, outputs) {
    const out = outputs[0][0];
    const active = this.state !== IDLE && this.state !== CLEARED && this.state !== ENDED;
    const before = this.state;
    if (active) this.play(out);
    this.addTail(out);
    this.lastOut = out[out.length - 1];
    if (active) {
      this.sinceStatus += out.length;
      if (this.state !== before || this.sinceStatus >= STATUS_EVERY_S * sampleRate) this.tell();
    }
    return true;
  }

  play(out) {
    if (this.state !== PLAYING && !this.isReady(out.length)) {
      if (this.state === STARVING) this.starve(out.length);
      return;
    }
    if (this.state === GATHERING && this.written > this.read) this.startedAt_s = currentTime;
    if (this.state === STARVING && this.written > this.gapWritten) this.closeGap();
    this.state = PLAYING;
    const count = this.render(out);
    this.playedSinceGap += count;
    if (count === out.length) return;
    if (this.ended) {
      this.state = ENDED;
      this.pending = 0;
      return;
    }
    this.state = STARVING;
    this.waited = 0;
    this.sentenceEnded = false;
    this.gapFrom = this.read;
    this.gapWritten = this.written;
    this.pending = 0;
    this.starve(out.length - count);
    this.fallFrom(count > 0 ? out[count - 1] : this.lastOut, out, count);
  }

  /** How far the ring can be read: the cubic looks two samples ahead, except at the end. */
  get playable() {
    return this.ended || this.step === 1 ? this.written : this.written - 2;
  }

  isReady(frames) {
    const buffered = this.playable - this.read;
    if (this.ended) return true;
    if (buffered <= 0) return false;
    this.waited += frames;
    if (buffered >= this.cushion || this.waited >= WALL_CAP_S * sampleRate) return true;
    return this.sentenceEnded && !this.patient;
  }

  starve(frames) {
    if (this.hidden) this.interrupted += frames;
    else this.pending += frames;
  }

  closeGap() {
    if (this.pending > 0) {
      const merged = this.events > 0 && this.playedSinceGap < MERGE_GAP_S * sampleRate;
      this.events += merged ? 0 : 1;
      this.gap = (merged ? this.gap : 0) + this.pending;
      this.gapAt = merged ? this.gapAt : this.gapFrom;
      this.maxGap = Math.max(this.maxGap, this.gap);
      this.starved += this.pending;
      this.pending = 0;
    }
    this.playedSinceGap = 0;
    this.rise = RISE_FRAMES;
  }

  /** Fill `out` from the ring as far as it goes; returns how many frames that was. */
  render(out) {
    const ring = this.ring;
    const last = this.playable;
    let count = 0;
    while (count < out.length && this.read < last) {
      let value;
      if (this.step === 1) {
        value = ring[this.read & MASK];
        this.read += 1;
      } else {
        value = this.between();
        this.phase += this.step;
        while (this.phase >= 1) {
          this.phase -= 1;
          this.read += 1;
        }
      }
      if (this.rise > 0) {
        value *= 1 - this.rise / RISE_FRAMES;
        this.rise -= 1;
      }
      out[count] = value;
      count += 1;
    }
    if (this.read > this.written) this.read = this.written;
    return count;
  }

  /** The value between two samples: a cubic through the four around it (Catmull-Rom). */
  between() {
    const at = this.read;
    const t = this.phase;
    const b = this.ring[at & MASK];
    const a = at > 0 ? this.ring[(at - 1) & MASK] : b;
    const c = at + 1 < this.written ? this.ring[(at + 1) & MASK] : 0;
    const d = at + 2 < this.written ? this.ring[(at + 2) & MASK] : 0;
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  }

  /** The ring ran dry: let the last value die away instead of breaking off. */
  fallFrom(value, out, from) {
    const tail = this.tail;
    for (let at = 0; at < tail.length; at += 1) tail[at] = value * Math.exp((-7 * at) / tail.length);
    let at = 0;
    for (let frame = from; frame < out.length && at < tail.length; frame += 1, at += 1) out[frame] = tail[at];
    this.tailAt = tail.length;
    if (at < tail.length) {
      tail.copyWithin(0, at);
      tail.fill(0, tail.length - at);
      this.tailAt = 0;
      this.tailSkip = true; // this quantum has its share already
    }
  }

  /** The reply is cut off: its next 10 ms are played while they fade. */
  fallFromRing() {
    const tail = this.tail;
    const count = this.render(tail);
    for (let at = 0; at < tail.length; at += 1) tail[at] = at < count ? tail[at] * Math.exp((-7 * at) / tail.length) : 0;
    this.tailAt = 0;
  }

  addTail(out) {
    if (this.tailSkip) {
      this.tailSkip = false;
      return;
    }
    for (let frame = 0; frame < out.length && this.tailAt < this.tail.length; frame += 1) {
      out[frame] += this.tail[this.tailAt];
      this.tailAt += 1;
    }
  }

  tell() {
    const status = this.status;
    status[STATUS.generation] = this.generation;
    status[STATUS.state] = this.state;
    status[STATUS.played] = this.read;
    status[STATUS.buffered] = this.written - this.read;
    status[STATUS.startedAt_s] = this.startedAt_s;
    status[STATUS.events] = this.events;
    status[STATUS.starved_s] = this.starved / sampleRate;
    status[STATUS.maxGap_s] = this.maxGap / sampleRate;
    status[STATUS.gapAt] = this.gapAt;
    status[STATUS.gap_s] = this.gap / sampleRate;
    status[STATUS.interrupted_s] = this.interrupted / sampleRate;
    status[STATUS.refused] = this.refused;
    this.port.postMessage(status);
    this.sinceStatus = 0;
  }
}

registerProcessor("segue-ring", Ring);
