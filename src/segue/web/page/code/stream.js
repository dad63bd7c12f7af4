/** A turn over plain HTTP, one JSON object a line: the way in where a WebSocket cannot be opened. */

import { pcmFromBase64 } from "./packet.js";

/**
 * Ask for one turn and read it to its end. Hanging up (aborting `signal`) ends it on the server too.
 *
 * @param {object} ask the body of the request
 * @param {object} hooks
 * @param {AbortSignal} hooks.signal
 * @param {(event: object) => void} hooks.onevent
 * @param {(packet: object) => void} hooks.onpacket
 */
export async function streamTurn(ask, { signal, onevent, onpacket }) {
  const { generation, type: _type, ...body } = ask;
  let last = false;
  const take = (line) => {
    const message = JSON.parse(line);
    if (message.event === "audio") {
      onpacket({ generation, seq: message.seq, part: message.part, pcm: pcmFromBase64(message.data), ...message.flags });
    } else {
      last ||= message.event === "done" || message.event === "error";
      onevent(message);
    }
  };
  try {
    const response = await fetch("/api/voice/chat/stream", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/x-ndjson" },
      body: JSON.stringify(body),
      signal,
    });
    if (!response.ok) return onevent(await refusal(response));
    for await (const line of lines(response.body)) take(line);
    if (!last) onevent({ event: "error", code: "connection_lost", message: "", retryable: true });
  } catch (error) {
    if (error.name === "AbortError") onevent({ event: "cleared" });
    else if (!last) onevent({ event: "error", code: "connection_lost", message: "", retryable: true });
  }
}

/** The lines of a byte stream, without their ends; blank ones are skipped. */
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part.trim()) yield part;
  }
  if (rest.trim()) yield rest;
}

/** A refused request (problem+json) as the error event it would have been. */
async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  return {
    event: "error",
    code: problem.code ?? `http_${response.status}`,
    message: problem.detail ?? problem.title ?? "",
    retryable: response.status >= 500 || response.status === 408 || response.status === 429,
  };
}
