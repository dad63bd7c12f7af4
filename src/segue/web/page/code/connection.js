/**
 * The line to the server: one WebSocket for all turns, kept open so that no turn pays for a handshake; plain HTTP
 * streaming where the socket cannot be opened. Both bring the same events and packets.
 *
 * States: connecting (first time), open, waiting (lost; trying again), http (no socket here, HTTP is used).
 */

import { readPacket } from "./packet.js";
import { streamTurn } from "./stream.js";

const PATIENCE_MS = 1500; // a turn waits this long for a socket that is being opened
const SILENCE_MS = 75_000; // a turn that brings nothing for so long is given up
const LONGEST_PAUSE_MS = 15_000;
const FAILURES_BEFORE_HTTP = 2;

export class Connection {
  /**
   * @param {object} hooks
   * @param {(state: string) => void} hooks.onstate
   * @param {(generation: number, event: object) => void} hooks.onevent
   * @param {(packet: object) => void} hooks.onpacket
   */
  constructor({ onstate, onevent, onpacket }) {
    this.hooks = { onstate, onevent, onpacket };
    this.state = "connecting";
    this.failures = 0;
    this.reconnects = 0;
    this.turn = null; // {generation, transport, abort?}: the one that is running; no transport as long as it waits
    addEventListener("online", () => this.#retryNow());
  }

  open() {
    clearTimeout(this.retry);
    const address = new URL("/api/voice/ws", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.opening = new Promise((resolve) => {
      socket.onopen = () => {
        if (this.failures > 0 || this.wasOpen) this.reconnects += 1;
        this.failures = 0;
        this.wasOpen = true;
        this.#become("open");
        resolve(true);
      };
      socket.onclose = () => {
        resolve(false);
        if (socket === this.socket) this.#lost();
      };
    });
    socket.onmessage = ({ data }) => this.#receive(data);
  }

  /** Begin a turn. `ask` is the message of the socket protocol, with its generation. */
  async ask(ask) {
    const turn = { generation: ask.generation, transport: null };
    this.turn = turn;
    this.#watch();
    if (this.socket?.readyState === WebSocket.CONNECTING) await Promise.race([this.opening, pause(PATIENCE_MS)]);
    if (this.turn !== turn) return; // interrupted meanwhile
    if (this.socket?.readyState === WebSocket.OPEN) {
      turn.transport = "socket";
      this.socket.send(JSON.stringify(ask));
      return;
    }
    turn.transport = "http";
    turn.abort = new AbortController();
    await streamTurn(ask, {
      signal: turn.abort.signal,
      onevent: (event) => this.#event(ask.generation, event),
      onpacket: (packet) => this.#packet(packet),
    });
  }

  /** Barge-in: whatever is running stops on the server too. */
  clear() {
    const turn = this.turn;
    if (!turn) return;
    this.#forget();
    if (turn.abort) turn.abort.abort();
    else if (turn.transport && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "clear" }));
  }

  get transport() {
    return this.turn?.transport ?? (this.state === "open" ? "socket" : "http");
  }

  #receive(data) {
    try {
      if (typeof data === "string") {
        const event = JSON.parse(data);
        this.#event(event.generation ?? this.turn?.generation ?? 0, event);
      } else {
        this.#packet(readPacket(data));
      }
    } catch (error) {
      const generation = this.turn?.generation ?? 0;
      this.#event(generation, { event: "error", code: "unreadable", message: String(error.message), retryable: false });
    }
  }

  #packet(packet) {
    this.#watch();
    this.hooks.onpacket(packet);
  }

  #event(generation, event) {
    if (generation === this.turn?.generation) {
      if (event.event === "done" || event.event === "error") this.#forget();
      else this.#watch();
    }
    this.hooks.onevent(generation, event);
  }

  #lost() {
    const turn = this.turn;
    this.failures += 1;
    if (turn?.transport === "socket") {
      this.#event(turn.generation, { event: "error", code: "connection_lost", message: "", retryable: true });
    }
    const never = !this.wasOpen && this.failures >= FAILURES_BEFORE_HTTP;
    this.#become(never ? "http" : this.wasOpen ? "waiting" : "connecting");
    const longest_ms = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** (this.failures - 1));
    this.retry = setTimeout(() => this.open(), longest_ms * (0.5 + Math.random() / 2));
  }

  #retryNow() {
    if (this.socket?.readyState === WebSocket.CLOSED) this.open();
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.hooks.onstate(state);
  }

  /** (Re)start the watch over the running turn: a line that died without a word must not keep a listener waiting. */
  #watch() {
    clearTimeout(this.silence);
    const turn = this.turn;
    if (!turn) return;
    this.silence = setTimeout(() => {
      this.clear();
      this.hooks.onevent(turn.generation, { event: "error", code: "no_answer", message: "", retryable: true });
    }, SILENCE_MS);
  }

  #forget() {
    clearTimeout(this.silence);
    this.turn = null;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
