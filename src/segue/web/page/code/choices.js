/** What the listener chose, kept on this device; and what was being typed, kept in this tab until it was answered. */

const PREFIX = "segue.";

/** A store that forgets instead of failing, where the browser forbids keeping anything. */
function cautious(name) {
  return {
    get(key) {
      try {
        return globalThis[name].getItem(PREFIX + key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        if (value === null || value === "") globalThis[name].removeItem(PREFIX + key);
        else globalThis[name].setItem(PREFIX + key, value);
      } catch {
        /* private browsing: the choice lasts as long as the page */
      }
    },
  };
}

export const choices = cautious("localStorage");
export const drafts = cautious("sessionStorage");

/** A random name for this listener or chat, made once and kept in `store`. */
export function nameIn(store, key) {
  const kept = store.get(key);
  if (kept) return kept;
  const name = randomName();
  store.set(key, name);
  return name;
}

/** 24 random hexadecimal digits; unlike `crypto.randomUUID` to be had without https too. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
