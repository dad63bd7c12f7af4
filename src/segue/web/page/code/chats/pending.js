/**
 * Messages that were sent and not answered yet, kept in this tab: a page that is loaded again asks for the same ones
 * with the same keys, so that nothing is said twice and no answer is lost.
 */

import { drafts } from "../choices.js";
import { Reply } from "./reply.js";

const KEPT = "sends";

export const pending = {
  /** Those of all chats, oldest first. */
  all() {
    return all().map((kept) => new Reply(kept));
  },

  keep({ key, chat, body, at, operator, run, error }) {
    if (key !== null) write([...others(key), { key, chat, body, at, operator, run, error }]);
  },

  drop({ key }) {
    if (key !== null) write(others(key));
  },
};

const others = (key) => all().filter((kept) => kept.key !== key);

function all() {
  try {
    const kept = JSON.parse(drafts.get(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function write(kept) {
  drafts.set(KEPT, kept.length === 0 ? null : JSON.stringify(kept.sort((one, other) => one.at - other.at)));
}
