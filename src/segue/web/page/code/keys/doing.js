/** What can be done with keys: each is a question, and what comes of it. A key's text is shown once and kept nowhere. */

import { make, shape } from "../build.js";
import { api } from "../shell/api.js";
import { field, question } from "../shell/dialog.js";
import { signOut } from "../shell/session.js";
import { joinCopy } from "../shell/shell.js";
import { say, words } from "../words.js";

const SCOPES = ["send", "read", "rollout:write", "audit:read", "admin", "node"];
const CHOSEN = new Set(["send", "read"]);
const DAY_S = 86_400;
const LASTS_D = [7, 30, 90, 365];
const OVERLAPS_H = [0, 1, 24, 168];

/** Ask for a new key, and show it. @returns {Promise<object | null>} what is known of it */
export async function create() {
  const name = make("input", { name: "name", required: true, maxlength: 100, autocomplete: "off", autofocus: true });
  const made = await question({
    title: ["keys.create.title"],
    yes: ["keys.create.yes"],
    fields: [field("keys.create.name", name, "keys.create.name.hint"), scopes(), field("keys.create.lasts", lasts())],
    act: (answers) => {
      const expires_in_s = Number(answers.get("lasts")) * DAY_S || undefined;
      return api("/api/keys", { method: "POST", json: { name: name.value.trim(), scopes: answers.getAll("scope"), expires_in_s } });
    },
  });
  return made && tell(made);
}

/** Ask how a key is to be rotated, and show the one that takes its place. */
export async function rotate(key) {
  const made = await question({
    title: ["keys.rotate.title", { name: key.name }],
    text: ["keys.rotate.text"],
    yes: ["keys.rotate.yes"],
    fields: [field("keys.rotate.overlap", overlaps())],
    act: (answers) =>
      api(`/api/keys/${key.id}/rotate`, { method: "POST", json: { overlap_s: Number(answers.get("overlap")) * 3600 } }),
  });
  return made && tell(made);
}

/** Ask whether a key is to be revoked. Whoever revokes the key they came with is signed out. */
export async function revoke(key, { own }) {
  const revoked = await question({
    title: ["keys.revoke.title", { name: key.name }],
    text: [own ? "keys.revoke.own" : "keys.revoke.text"],
    yes: ["keys.revoke.yes"],
    harm: true,
    act: () => api(`/api/keys/${key.id}/revoke`, { method: "POST", json: {} }),
  });
  if (revoked && own) {
    await signOut().catch(() => {}); // the session ends with its key, whether or not this arrives
    location.assign("signin.html");
  }
  return revoked;
}

/** Show a key's text, the only time it can be seen. It goes when the dialog does. */
async function tell(made) {
  const { key: text, ...known } = made;
  const shown = make("output", { class: "key mono", id: "new-key", tabindex: "0" }, text);
  const copy = make("button", { class: "plain", type: "button", autofocus: true });
  joinCopy(copy, shown);
  const warning = make("p", { class: "against" }, shape("hold"), sentence("keys.shown.text"));
  await question({
    title: ["keys.shown.title", { name: known.name }],
    yes: ["keys.shown.yes"],
    no: null,
    fields: [warning, make("div", { class: "shown" }, shown, copy)],
    act: async () => true,
  });
  return known;
}

function scopes() {
  const ticks = SCOPES.map((scope) => {
    const tick = make("input", { type: "checkbox", name: "scope", value: scope, checked: CHOSEN.has(scope) });
    const text = make("span", {}, make("b", { class: "mono" }, scope), " ");
    text.append(sentence(`scope.${scope}`));
    return make("label", { class: "tick" }, tick, text);
  });
  const group = make("fieldset", { class: "scopes" }, make("legend", {}, sentence("keys.create.scopes")), ...ticks);
  const check = () => {
    const first = group.querySelector("input");
    first.setCustomValidity(group.querySelector(":checked") ? "" : words("keys.create.none"));
  };
  group.addEventListener("change", check);
  return group;
}

function lasts() {
  const options = LASTS_D.map((days) => make("option", { value: days, selected: days === 90 }, words("keys.days", { days })));
  return make("select", { name: "lasts" }, ...options, make("option", { value: 0 }, words("keys.create.forever")));
}

function overlaps() {
  const options = OVERLAPS_H.map((hours) => {
    const text = hours === 0 ? words("keys.rotate.now") : hours < 48 ? words("keys.hours", { hours }) : words("keys.days", { days: hours / 24 });
    return make("option", { value: hours, selected: hours === 24 }, text);
  });
  return make("select", { name: "overlap" }, ...options);
}

function sentence(key) {
  const text = make("span", {});
  say(text, key);
  return text;
}
