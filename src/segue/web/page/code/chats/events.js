/** Server-sent events out of a `fetch`, which can do what `EventSource` cannot: send a body and headers of its own. */

/**
 * The events of a stream, each as `{seq, kind, data}`; `seq` is its id as a number, 0 for one without. Fields in
 * between and comments (the server's heartbeat) are no events: `onsign` tells of everything that arrives.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} onsign
 */
export async function* events(body, onsign = () => {}) {
  let event = begin();
  for await (const line of lines(body, onsign)) {
    if (line === "") {
      if (event.data.length > 0) yield { seq: event.seq, kind: event.kind, data: JSON.parse(event.data.join("\n")) };
      event = begin();
    } else {
      take(event, line);
    }
  }
}

const begin = () => ({ seq: 0, kind: "message", data: [] });

function take(event, line) {
  const [, name, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
  if (name === "id" && /^\d+$/.test(value ?? "")) event.seq = Number(value);
  else if (name === "event") event.kind = value ?? "";
  else if (name === "data") event.data.push(value ?? "");
}

/** The lines of a byte stream without their ends, which are any of those that the format knows. */
async function* lines(body, onsign) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return; // an event that was not ended was not sent whole
      onsign();
      const parts = (rest + value).split(/\r\n|\n|\r(?=[^])/);
      rest = parts.pop();
      yield* parts;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
