/**
 * Takes turns: asks, hands what comes back to the player and the page, interrupts, and reports once when all is over.
 * At most one turn is running; a new one interrupts it.
 */

import { Connection } from "./connection.js";
import { Player } from "./player.js";
import { reportOf, send } from "./report.js";
import { Turn } from "./turn.js";

const GENERATIONS = 0xffff;
const LAST_WORD_MS = 1000; // how long an interrupted turn may still bring late packets, which are counted
const LAST_STATUS_MS = 60; // how long the player may take to say how much of it was heard

export class Talker {
  /**
   * @param {object} hooks
   * @param {(turn: Turn) => void} hooks.onturn something about the turn changed
   * @param {(turn: Turn, numbers: object) => void} hooks.onclose the turn is over; these numbers are final
   * @param {() => void} hooks.onplay the player's numbers changed
   * @param {(blocked: boolean) => void} hooks.onblocked
   * @param {(state: string) => void} hooks.onconnection
   * @param {(hooks: object) => Connection} connect what carries the turns
   */
  constructor(hooks, connect = (line) => new Connection(line)) {
    this.hooks = hooks;
    this.generation = 0;
    this.turn = null;
    this.session = undefined; // the token of this visit, fresh with each turn: its voice stays what it is
    this.totals = {
      turns: 0,
      completed: 0,
      interrupted: 0,
      failed: 0,
      played_s: 0,
      underflow_events: 0,
      underflow_ms: 0,
      dropped_packets: 0,
      reports_sent: 0,
    };
    this.history = []; // time to first audio of the latest turns, oldest first
    this.player = new Player({
      onchange: () => this.#played(),
      onfinish: () => this.#finished(),
      onblocked: hooks.onblocked,
    });
    this.connection = connect({
      onstate: hooks.onconnection,
      onevent: (generation, event) => this.#event(generation, event),
      onpacket: (packet) => this.#packet(packet),
    });
    addEventListener("pagehide", () => this.#report(this.turn));
  }

  get isTalking() {
    return this.turn?.isActive === true;
  }

  /**
   * Ask for a reply. Call it in the click or key press that asked, for the sake of the audio context.
   *
   * @param {{text?: string, audio?: string, language: string, sentAt?: number}} ask and profile, voice, listener, chat
   */
  ask({ sentAt = performance.now(), ...ask }) {
    this.interrupt();
    this.#close(this.turn);
    this.generation = (this.generation % GENERATIONS) + 1;
    const turn = new Turn({ generation: this.generation, language: ask.language, text: ask.text ?? "", sentAt });
    this.turn = turn;
    this.totals.turns += 1;
    this.player.begin(turn.generation);
    this.connection.ask({ type: "turn", generation: turn.generation, session: this.session, ...ask });
    this.player.unlock(); // after the question is on its way: making an audio context takes a while
    return turn;
  }

  /** Barge-in: silence at once, and the server stops too. Returns whether there was anything to stop. */
  interrupt() {
    const turn = this.turn;
    if (!this.isTalking) return false;
    turn.interrupt();
    this.player.clear();
    this.connection.clear();
    this.hooks.onturn(turn);
    setTimeout(() => this.#close(turn), turn.streamed ? LAST_STATUS_MS : LAST_WORD_MS);
    return true;
  }

  /** Forget the conversation. */
  forget() {
    this.interrupt();
    this.#close(this.turn);
    this.turn = null;
  }

  #event(generation, event) {
    const turn = this.turn;
    if (generation !== turn?.generation) return;
    if (event.event === "meta") this.session = event.session;
    if (event.event === "cleared") return this.#close(turn);
    if (turn.streamed || turn.state === "interrupted") return;
    turn.transport ??= this.connection.transport;
    turn.event(event, performance.now());
    if (turn.streamed) this.#streamed(turn);
    if (!turn.closed) this.hooks.onturn(turn);
  }

  #packet(packet) {
    if (packet.generation === this.turn?.generation) this.turn.packet(packet, performance.now());
    this.player.packet(packet);
  }

  #played() {
    const turn = this.turn;
    const { first_played_at } = this.player.numbers;
    if (turn && first_played_at !== null && turn.marks.first_played === undefined) {
      turn.played(first_played_at);
      this.hooks.onturn(turn);
    }
    this.hooks.onplay();
  }

  #streamed(turn) {
    if (this.player.numbers.state === "ended") this.#finished();
    else this.player.end(turn.generation);
  }

  /** The last sample was played. That is the end of the turn once the server has said its last word too. */
  #finished() {
    const turn = this.turn;
    if (!turn?.streamed) return;
    turn.finish();
    this.#close(turn);
  }

  #close(turn) {
    if (!turn || turn.closed) return;
    if (turn.state === "interrupted" || turn.streamed) {
      turn.closed = true;
      const numbers = this.player.numbers;
      this.#count(turn, numbers);
      this.#report(turn);
      this.hooks.onclose(turn, numbers);
    }
  }

  #count(turn, numbers) {
    const outcomes = { done: "completed", interrupted: "interrupted", failed: "failed" };
    this.totals[outcomes[turn.state] ?? "failed"] += 1;
    for (const name of ["played_s", "underflow_events", "underflow_ms", "dropped_packets"]) {
      this.totals[name] += numbers[name];
    }
    if (turn.ttfa_ms !== null) this.history = [...this.history, turn.ttfa_ms].slice(-30);
  }

  #report(turn) {
    if (!turn || turn.reported) return;
    const report = reportOf(turn, this.player.numbers);
    if (!report) return;
    turn.reported = true;
    send(report);
    this.totals.reports_sent += 1;
  }
}
