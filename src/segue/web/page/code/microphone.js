/**
 * The microphone: one recording at a time, as the browser's own container (webm or mp4), with a level to look at.
 *
 * Failures are codes the page has words for: microphone_insecure, microphone_denied, microphone_missing,
 * microphone_busy, microphone_short.
 */

const LONGEST_MS = 60_000;
const SHORTEST_MS = 300;
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

export class MicrophoneError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export class Microphone {
  /** @param {{onlevel: (level: number) => void, onlimit: () => void}} hooks level 0..1; `onlimit` after a minute */
  constructor({ onlevel, onlimit }) {
    this.onlevel = onlevel;
    this.onlimit = onlimit;
    this.recorder = null;
    this.isOpening = false; // the browser is asking its user
  }

  get isRecording() {
    return this.recorder !== null;
  }

  /** Begin to record. @throws {MicrophoneError} */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === "undefined") {
      throw new MicrophoneError("microphone_insecure");
    }
    const stream = await this.#ask();
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.parts = [];
    this.startedAt = performance.now();
    this.recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 });
    this.recorder.ondataavailable = ({ data }) => this.parts.push(data);
    this.recorder.start(250);
    this.limit = setTimeout(() => this.onlimit(), LONGEST_MS);
    this.#meter(stream);
  }

  /** End the recording. @returns {Promise<Blob>} @throws {MicrophoneError} when it was too short to mean anything */
  async stop() {
    const recorder = this.recorder;
    const length_ms = performance.now() - this.startedAt;
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.stop();
    await stopped;
    this.#release();
    if (length_ms < SHORTEST_MS) throw new MicrophoneError("microphone_short");
    return new Blob(this.parts, { type: recorder.mimeType });
  }

  /** Forget the recording. */
  cancel() {
    if (!this.recorder) return;
    this.recorder.onstop = null;
    this.recorder.stop();
    this.#release();
  }

  async #ask() {
    this.isOpening = true;
    try {
      return await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const codes = { NotAllowedError: "microphone_denied", SecurityError: "microphone_denied", NotFoundError: "microphone_missing" };
      throw new MicrophoneError(codes[error.name] ?? "microphone_busy");
    } finally {
      this.isOpening = false;
    }
  }

  #meter(stream) {
    this.meter = new AudioContext();
    const analyser = new AnalyserNode(this.meter, { fftSize: 512 });
    this.meter.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    const look = () => {
      if (!this.recorder) return;
      analyser.getFloatTimeDomainData(wave);
      let sum = 0;
      for (const value of wave) sum += value * value;
      this.onlevel(Math.min(1, Math.sqrt(sum / wave.length) * 4));
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  #release() {
    clearTimeout(this.limit);
    for (const track of this.recorder.stream.getTracks()) track.stop();
    this.recorder = null;
    this.meter.close();
    this.onlevel(0);
  }
}
