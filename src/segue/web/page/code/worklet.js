/** The main thread's end of the ring: hands PCM over without copying it, and reads the numbers that come back. */

import { STREAM_RATE } from "./packet.js";

const CAPACITY = (1 << 18) - 4; // samples; ring.js keeps four back for its interpolation
const STATES = ["idle", "gathering", "playing", "starving", "ended", "cleared"];

export class WorkletOutput {
  kind = "worklet";

  /** @param {AudioContext} context @param {(status: object) => void} onstatus */
  static async open(context, onstatus) {
    await context.audioWorklet.addModule(new URL("./ring.js", import.meta.url));
    return new WorkletOutput(context, onstatus);
  }

  constructor(context, onstatus) {
    this.node = new AudioWorkletNode(context, "segue-ring", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { streamRate: STREAM_RATE },
    });
    this.node.connect(context.destination);
    this.handed = 0;
    this.played = 0;
    this.generation = 0;
    this.node.port.onmessage = ({ data }) => {
      const status = readStatus(data);
      if (status.generation !== this.generation) return;
      this.played = status.played;
      onstatus(status);
    };
  }

  /** How many samples the ring certainly has room for. */
  get room() {
    return CAPACITY - (this.handed - this.played);
  }

  begin(generation, cushion) {
    this.generation = generation;
    this.handed = 0;
    this.played = 0;
    this.node.port.postMessage({ kind: "turn", generation, ...cushion });
  }

  /** Give samples away: afterwards their buffer belongs to the audio thread. */
  write(samples, sentenceEnd) {
    this.handed += samples.length;
    const message = { kind: "pcm", generation: this.generation, samples, sentenceEnd };
    this.node.port.postMessage(message, [samples.buffer]);
  }

  end() {
    this.node.port.postMessage({ kind: "end", generation: this.generation });
  }

  clear() {
    this.node.port.postMessage({ kind: "clear", generation: this.generation });
  }

  cushion(cushion) {
    this.node.port.postMessage({ kind: "cushion", ...cushion });
  }

  hidden(hidden) {
    this.node.port.postMessage({ kind: "hidden", hidden });
  }
}

function readStatus(numbers) {
  return {
    generation: numbers[0],
    state: STATES[numbers[1]],
    played: numbers[2],
    buffered: numbers[3],
    startedAt_s: numbers[4],
    events: numbers[5],
    starved_ms: numbers[6] * 1000,
    maxGap_ms: numbers[7] * 1000,
    gapAt: numbers[8],
    gap_ms: numbers[9] * 1000,
    interrupted_ms: numbers[10] * 1000,
    refused: numbers[11],
  };
}
