/**
 * The binary audio packet of the voice socket: a 28-byte big-endian header, then mono s16le PCM at 24 kHz.
 *
 *     offset  bytes  field
 *          0      1  version, 1
 *          1      1  flags: 1 first of the turn, 2 last of its sentence, 4 end of the turn, 8 resumed after a failure
 *          2      2  generation, 1..65535: the client's own count of its turns
 *          4      4  seq: which sentence
 *          8      4  part: which packet of that sentence
 *         12     16  turn id, raw
 *         28      …  PCM, possibly none
 */

export const HEADER_BYTES = 28;
export const STREAM_RATE = 24000;

const VERSION = 1;
const FLAGS = { first: 1, lastOfSentence: 2, end: 4, resumed: 8 };

/**
 * Read one packet. The PCM is a view into `buffer`, not a copy.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{generation: number, seq: number, part: number, turn: string, first: boolean, lastOfSentence: boolean,
 *   end: boolean, resumed: boolean, pcm: Int16Array}}
 * @throws {RangeError} when the packet is of another version, too short, or ends in half a sample
 */
export function readPacket(buffer) {
  if (buffer.byteLength < HEADER_BYTES || (buffer.byteLength - HEADER_BYTES) % 2 !== 0) {
    throw new RangeError(`an audio packet of ${buffer.byteLength} bytes`);
  }
  const view = new DataView(buffer);
  if (view.getUint8(0) !== VERSION) throw new RangeError(`an audio packet of version ${view.getUint8(0)}`);
  const flags = view.getUint8(1);
  const turn = Array.from(new Uint8Array(buffer, 12, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    generation: view.getUint16(2),
    seq: view.getUint32(4),
    part: view.getUint32(8),
    turn,
    first: (flags & FLAGS.first) !== 0,
    lastOfSentence: (flags & FLAGS.lastOfSentence) !== 0,
    end: (flags & FLAGS.end) !== 0,
    resumed: (flags & FLAGS.resumed) !== 0,
    pcm: new Int16Array(buffer, HEADER_BYTES),
  };
}

/**
 * PCM that arrived as base64 text (the line-by-line fallback).
 *
 * @param {string} text
 * @returns {Int16Array}
 */
export function pcmFromBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}

/**
 * A recording as base64 text.
 *
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
export async function base64FromBlob(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let characters = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    characters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(characters);
}
