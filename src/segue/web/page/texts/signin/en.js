/** The sign-in page, in English. */
export default {
  "signin.title": "Sign in",
  "signin.lead": "The operators’ pages take a key. Whoever only wants to talk needs none.",
  "signin.lead.next": "This page takes a key; you come back to it right after.",
  "signin.key": "Key",
  "signin.show": "Show the key",
  "signin.hide": "Hide the key",
  "signin.enter": "Sign in",
  "signin.entering": "Signing in…",
  "signin.refused": "This key does not let you in.",
  "signin.where": "Where do I get a key?",
  "signin.where.first": "The first key is printed once, when a server starts for the first time: a line of its output begins with “First key”.",
  "signin.where.more": "Further keys are made on the page Keys, or on the server’s own machine:",
};
