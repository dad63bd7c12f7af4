/**
 * What the talker has instead of a socket: the sound of one reply of a chat. The reply itself is made whether anybody
 * listens or not, so barge-in only stops the sound.
 */

import { pcmFromBase64 } from "../packet.js";

export class Line {
  transport = "http";

  /** @param {import("./sender.js").Sender} sender */
  constructor(sender) {
    this.sender = sender;
    this.heard = null; // {generation, reply}
  }

  /** @param {{onevent, onpacket}} hooks the talker's */
  join(hooks) {
    this.hooks = hooks;
    return this;
  }

  get state() {
    return this.sender.state;
  }

  get reconnects() {
    return this.sender.reconnects;
  }

  /** Hear this reply from now on. */
  ask({ generation, reply }) {
    this.heard = { generation, reply };
  }

  clear() {
    this.heard = null;
  }

  /** Whether this is the reply that is heard. */
  isOf(reply) {
    return this.heard?.reply === reply;
  }

  /** Pass on an event of the reply that is heard. */
  pass(reply, { seq, kind, data }) {
    if (!this.isOf(reply)) return;
    const { generation } = this.heard;
    if (kind === "audio") {
      const { seq_of_sentence, part, provider } = data;
      if (provider) this.hooks.onevent(generation, { event: "speaker", provider });
      this.hooks.onpacket({ generation, seq: seq_of_sentence, part, pcm: pcmFromBase64(data.data) });
    } else if (kind === "meta" || kind === "text" || kind === "degraded" || kind === "done") {
      this.hooks.onevent(generation, { ...data, event: kind, seq: data.seq_of_sentence ?? seq });
    }
  }

  /** The reply failed, here or on its way. */
  fail(reply) {
    if (this.isOf(reply)) this.hooks.onevent(this.heard.generation, { ...reply.error, event: "error" });
  }
}
