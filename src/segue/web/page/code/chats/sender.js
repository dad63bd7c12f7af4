/**
 * Carries a message to the server and its reply back, whatever happens to the connection: what was sent is sent again
 * with the same key, and a reply that broke off is taken up behind its latest event.
 */

import { events } from "./events.js";

const SILENCE_MS = 15_000; // the server gives a sign of life every five seconds
const PATIENCE_MS = 20_000; // for an answer to begin
const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 8000, 8000]; // before each new try; then it is given up
const PASSING = new Set([408, 425, 500, 502, 503, 504]);

export class Sender {
  /**
   * @param {object} hooks
   * @param {(reply: Reply) => void} hooks.onreply something about it changed
   * @param {(reply: Reply, event: object) => void} hooks.onevent an event was taken in
   * @param {(state: string) => void} hooks.onstate how the line to the server is: open or waiting
   * @param {() => void} hooks.onstranger the server does not know who asks
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.carried = new Map(); // Reply → its AbortController
    this.state = "connecting";
    this.reconnects = 0;
  }

  /** Carry it until it is over. A second call while it is carried does nothing. */
  async carry(reply) {
    if (this.carried.has(reply)) return;
    const leave = new AbortController();
    this.carried.set(reply, leave);
    let failures = 0;
    while (!reply.isOver && !leave.signal.aborted) {
      const before = reply.seq;
      const passing = await this.#try(reply, leave.signal);
      if (reply.isOver || leave.signal.aborted) break;
      if (passing) continue;
      failures = reply.seq > before ? 1 : failures + 1;
      if (failures > PAUSES_MS.length) {
        reply.fail({ code: "connection_lost", retryable: true });
      } else {
        if (failures > 1) this.#lost(reply); // one break is mended before anybody needs to know
        await pause(PAUSES_MS[failures - 1], leave.signal);
      }
    }
    this.carried.delete(reply);
    if (!leave.signal.aborted) this.#tell("onreply", reply);
  }

  /** Carry no further; the server goes on with what it was given. */
  leave(reply) {
    this.carried.get(reply)?.abort();
    this.carried.delete(reply);
  }

  /** Take back what waits for its turn: it was not accepted, so nothing is lost by it. */
  drop(reply) {
    reply.state = "dropped";
    this.leave(reply);
    this.hooks.onreply(reply);
  }

  /** One try. Returns whether the next one may follow at once. */
  async #try(reply, signal) {
    const watch = new Watch(signal);
    try {
      const response = await (reply.run === null ? send(reply, watch.signal) : follow(reply, watch.signal));
      watch.sign(SILENCE_MS);
      this.#become("open");
      if (response.ok && response.headers.get("content-type")?.startsWith("text/event-stream")) {
        await this.#read(reply, response, watch);
        return false;
      }
      return await this.#answered(reply, response, signal);
    } catch {
      return false; // the network, or the watch
    } finally {
      watch.end();
    }
  }

  async #read(reply, response, watch) {
    reply.run ??= response.headers.get("x-segue-run");
    reply.state = "writing";
    this.#tell("onreply", reply);
    for await (const event of events(response.body, () => watch.sign(SILENCE_MS))) {
      if (event.kind === "drain" || !reply.take(event)) continue;
      this.#tell("onevent", reply, event);
      this.#tell("onreply", reply);
    }
  }

  /** A fault of the page must not look like one of the connection. */
  #tell(hook, ...what) {
    try {
      this.hooks[hook](...what);
    } catch (error) {
      reportError(error);
    }
  }

  /** An answer that is no stream: where to find it, when to ask again, or why not. */
  async #answered(reply, response, signal) {
    const plain = await response.json().catch(() => ({}));
    const run = plain.run ?? runIn(response.headers.get("location"));
    if (response.status === 401) {
      this.leave(reply); // it goes on once they have signed in again
      this.#tell("onstranger");
      return true;
    }
    if ((response.ok || plain.code === "running") && run && reply.run === null) {
      reply.run = run;
      return true;
    }
    const wait_s = Number(response.headers.get("retry-after"));
    if (response.status === 429 && reply.run === null) return this.#wait(reply, wait_s > 0 ? wait_s : 1, signal);
    if (PASSING.has(response.status) && reply.run !== null) return false;
    reply.fail({
      code: plain.code ?? `http_${response.status}`,
      message: plain.detail ?? plain.title ?? "",
      retryable: plain.retryable ?? PASSING.has(response.status),
      node: plain.node ?? null,
    });
    return true;
  }

  async #wait(reply, wait_s, signal) {
    reply.state = "limited";
    reply.until = performance.now() + wait_s * 1000;
    this.#tell("onreply", reply);
    await pause(wait_s * 1000, signal);
    if (reply.state !== "limited") return true;
    reply.state = "sending";
    reply.until = null;
    this.#tell("onreply", reply);
    return true;
  }

  #lost(reply) {
    reply.state = "lost";
    this.#become("waiting");
    this.#tell("onreply", reply);
  }

  #become(state) {
    if (state === this.state) return;
    if (state === "open" && this.state === "waiting") this.reconnects += 1;
    this.state = state;
    this.#tell("onstate", state);
  }
}

/** Ends a request that brings nothing for too long, or that nobody wants any more. */
class Watch {
  constructor(signal) {
    this.abort = new AbortController();
    this.signal = AbortSignal.any([signal, this.abort.signal]);
    this.sign(PATIENCE_MS);
  }

  sign(patience_ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.abort.abort(), patience_ms);
  }

  end() {
    clearTimeout(this.timer);
  }
}

function send({ chat, key, body }, signal) {
  return fetch(`/api/chats/${encodeURIComponent(chat)}/send`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", "Idempotency-Key": key },
    body: JSON.stringify(body),
    signal,
  });
}

function follow({ run, seq }, signal) {
  const headers = { Accept: "text/event-stream", ...(seq > 0 ? { "Last-Event-ID": String(seq) } : {}) };
  return fetch(`/api/runs/${encodeURIComponent(run)}/events`, { headers, signal });
}

/** The run that a `Location` names, or null. */
function runIn(location) {
  const found = /\/api\/runs\/([^/?]+)/.exec(location ?? "");
  return found && decodeURIComponent(found[1]);
}

/** Wait; less if the network comes back, or nobody waits any more. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
    signal.addEventListener("abort", end, { once: true });
  });
}
