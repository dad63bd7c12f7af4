/** What is on its way, over all chats: sent, kept in this tab until it is answered, carried, and taken up again. */

import { pending } from "./pending.js";
import { Reply } from "./reply.js";
import { Sender } from "./sender.js";

const STALE_S = 80_000; // keys are good for a day; what is older than this is not sent again by itself

export class Courier {
  /**
   * @param {object} hooks
   * @param {(reply: Reply) => void} hooks.onchange
   * @param {(reply: Reply, event: object) => void} hooks.onevent an event of it was taken in
   * @param {(reply: Reply) => void} hooks.onrestart a spoken one begins again: what was heard of it does not count
   * @param {() => void} hooks.onstranger the server does not know who asks
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.replies = new Set(); // those that are not done
    this.sender = new Sender({
      onreply: (reply) => this.#changed(reply),
      onevent: (reply, event) => this.#event(reply, event),
      onstate() {},
      onstranger: hooks.onstranger,
    });
  }

  /** Those of a chat, in the order in which they were sent. */
  of(chat) {
    return [...this.replies].filter((reply) => reply.chat === chat);
  }

  /** Whether something of this chat is on its way just now. */
  busy(chat) {
    return this.of(chat).some((reply) => !reply.isOver);
  }

  /** Whether the message of this run is shown as one that is on its way. */
  carries(run) {
    return [...this.replies].some((reply) => reply.run === run && reply.key !== null);
  }

  /** Send a message in somebody's name: one key, however often it has to be sent. */
  send(chat, body, operator) {
    const said = JSON.parse(JSON.stringify(body)); // without what is undefined, so that it stays the same when it is kept
    const reply = new Reply({ key: makeKey(), chat, body: said, at: Date.now() / 1000, operator });
    this.#carry(reply);
    return reply;
  }

  /** Take up what this tab sent before it was loaded again. */
  resume() {
    for (const reply of pending.all()) {
      if (Date.now() / 1000 - reply.at > STALE_S) reply.fail({ code: "stale" });
      this.#carry(reply);
    }
  }

  /** Look at a run that somebody else began, or this tab in another life. */
  watch({ id, chat, at, state, code, reason, attempt }) {
    if ([...this.replies].some((reply) => reply.run === id)) return;
    const reply = new Reply({ key: null, chat, body: {}, at, run: id });
    reply.attempt = attempt;
    if (state === "failed") reply.fail({ code, message: reason });
    this.#carry(reply);
  }

  /** The reply of a run is there, by whatever way it came: nobody need look on at its making. */
  answered(run) {
    for (const reply of this.replies) if (reply.run === run && reply.key === null) this.sender.drop(reply);
  }

  /** Try again what failed: the same message, with the same key. */
  again(reply) {
    reply.again();
    this.#carry(reply);
  }

  /** Take back what was not accepted. */
  drop(reply) {
    this.sender.drop(reply);
  }

  /** A chat is no more: nor is what was on its way in it. */
  forget(chat) {
    for (const reply of this.of(chat)) {
      this.sender.leave(reply);
      this.#end(reply);
    }
  }

  #carry(reply) {
    this.replies.add(reply);
    pending.keep(reply);
    this.hooks.onchange(reply);
    if (!reply.isOver) this.sender.carry(reply);
  }

  #changed(reply) {
    if (reply.state === "done" || reply.state === "dropped") this.#end(reply);
    if (reply.state === "failed") this.#failed(reply);
    this.hooks.onchange(reply);
  }

  /** It is kept, so that it can be tried again; but not for a chat that is no more. */
  #failed(reply) {
    if (reply.error.code === "unknown_chat") pending.drop(reply);
    else pending.keep(reply);
  }

  #event(reply, event) {
    if (event.kind === "run") this.#begun(reply);
    if (event.kind === "restarted" && reply.body.speak) this.hooks.onrestart(reply);
    this.hooks.onevent(reply, event);
  }

  /** The run is known now: it is kept, and whoever only looked at it gives way. */
  #begun(reply) {
    pending.keep(reply);
    for (const other of this.replies) {
      if (other !== reply && other.run === reply.run && other.key === null) this.sender.drop(other);
    }
  }

  #end(reply) {
    this.replies.delete(reply);
    pending.drop(reply);
  }
}

/** A key that nobody else has; `crypto.randomUUID` is there only for secure pages. */
function makeKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
