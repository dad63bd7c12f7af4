/**
 * Asking the server.
 *
 *   await api("/api/keys")                                        an answer, as it was sent
 *   await api("/api/keys", { method: "POST", json: {…} })         JSON goes there
 *   const pages = new Pages("/api/audit", { actor: "olena" })     a list, page by page: `await pages.more()`, `pages.over`
 *
 * Whatever is not a good answer is thrown as a `Problem`. Who is not signed in (any more) is led to the sign-in page and
 * back, unless `anonymous` is asked for.
 */

const PATIENCE_MS = 15_000;

/** Why an answer was not good. `status` is 0 where none came at all. */
export class Problem extends Error {
  /** @param {number} status @param {object} plain the problem document @param {Headers} headers */
  constructor(status, plain = {}, headers = new Headers()) {
    super(plain.detail || plain.title || `status ${status}`);
    this.status = status;
    this.plain = plain;
    this.headers = headers;
    this.code = plain.code ?? (status === 0 ? "no_answer" : "");
    this.detail = plain.detail ?? "";
    this.retryable = plain.retryable ?? status === 0;
  }

  /** After how many seconds it is worth trying again, or null. */
  get retry_s() {
    const after = Number(this.headers.get("retry-after"));
    return this.headers.has("retry-after") && Number.isFinite(after) ? after : null;
  }
}

/**
 * Ask, and return what was answered: JSON, or null for an empty answer.
 *
 * @param {string} path with its query
 * @param {RequestInit & {json?: object, anonymous?: boolean}} options those of `fetch`; `json` is sent as the body
 * @throws {Problem}
 */
export async function api(path, options = {}) {
  const response = await send(path, options);
  if (response.status === 204) return null;
  return response.json().catch(() => {
    throw new Problem(0); // cut off on its way
  });
}

/** Like `api`, but returns the `Response` itself once it is a good one: for events, and for headers. */
export async function send(path, { json, anonymous = false, ...options } = {}) {
  const headers = new Headers(options.headers);
  if (json !== undefined) headers.set("content-type", "application/json");
  const body = json === undefined ? options.body : JSON.stringify(json);
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options, headers, body });
  } catch (cause) {
    if (options.signal?.aborted) throw cause; // whoever asked does not want it any more
    throw Object.assign(new Problem(0), { cause });
  }
  if (response.ok) return response;
  const problem = new Problem(response.status, await response.json().catch(() => ({})), response.headers);
  if (problem.status === 401 && !anonymous) toSignIn();
  throw problem;
}

/** A list that the server gives page by page. */
export class Pages {
  /** @param {string} path @param {Record<string, string | number>} query empty values are left out */
  constructor(path, query = {}) {
    this.path = path;
    this.query = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    this.cursor = null;
    this.over = false;
  }

  /** The items of the next page; none when the list is over. */
  async more() {
    if (this.over) return [];
    const query = new URLSearchParams(this.query.map(([name, value]) => [name, String(value)]));
    if (this.cursor !== null) query.set("cursor", this.cursor);
    const plain = await api(query.size > 0 ? `${this.path}?${query}` : this.path);
    this.cursor = plain.next ?? null;
    this.over = this.cursor === null;
    return plain.items;
  }
}

/** Go and sign in, and come back to where one is. */
export function toSignIn() {
  if (location.pathname.endsWith("/signin.html")) return;
  const here = location.pathname + location.search + location.hash;
  location.assign(`/signin.html?next=${encodeURIComponent(here)}`);
}
