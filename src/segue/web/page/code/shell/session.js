/** Who is signed in: asked of the server, never guessed. Only a name is kept on this device, no key. */

import { choices } from "../choices.js";
import { api } from "./api.js";

const HINT = "operator"; // whether somebody signed in here: the talk page asks the server only then

/** Somebody who was let in, and what their key allows. */
export class Operator {
  /** @param {{name: string, scopes: string[], via: string, expires_at: number | null}} plain */
  constructor(plain) {
    Object.assign(this, plain);
  }

  /** Whether this is allowed; no scope is always allowed. */
  may(scope) {
    return !scope || this.scopes.includes(scope) || this.scopes.includes("admin");
  }
}

/** Whether somebody signed in on this device and did not sign out. */
export const wasSignedIn = () => choices.get(HINT) !== null;

/**
 * Who asks, as the server knows them.
 *
 * @returns {Promise<Operator | null>} null for nobody
 */
export async function whoAsks() {
  try {
    return remember(await api("/api/session", { anonymous: true }));
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    choices.set(HINT, null);
    return null;
  }
}

/** Sign in with a key. The key goes to the server and nowhere else. */
export const signIn = async (key) => remember(await api("/api/session", { method: "POST", json: { key }, anonymous: true }));

/** Sign out here. A session that has ended by itself is as good. */
export async function signOut() {
  await api("/api/session", { method: "DELETE", anonymous: true }).catch((problem) => {
    if (problem.status !== 401) throw problem;
  });
  choices.set(HINT, null);
}

function remember(plain) {
  choices.set(HINT, plain.name);
  return new Operator(plain);
}
