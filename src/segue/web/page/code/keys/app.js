/** The page of the keys: who may do what, and until when. A key's text is shown once, when it is made. */

import { Pages } from "../shell/api.js";
import { joinMore, joinShell } from "../shell/shell.js";
import { toast } from "../shell/toast.js";
import { againButton, trouble } from "../shell/trouble.js";
import { learn } from "../words.js";
import en from "../../texts/keys/en.js";
import ru from "../../texts/keys/ru.js";
import uk from "../../texts/keys/uk.js";
import zh from "../../texts/keys/zh.js";
import { create, revoke, rotate } from "./doing.js";
import { Rows } from "./rows.js";

learn({ en, ru, uk, zh });

const find = (id) => document.getElementById(id);
const rows = new Rows(find("keys"), { onrotate, onrevoke });

/** Ask for the keys, and show them instead of those that were there. */
async function load() {
  const pages = new Pages("/api/keys");
  let fresh = true;
  const more = joinMore(find("more"), pages, (keys) => {
    if (fresh) rows.clear();
    fresh = false;
    rows.add(keys);
    find("table").hidden = false;
  });
  try {
    await more();
    find("trouble").replaceChildren();
  } catch (problem) {
    find("trouble").replaceChildren(trouble(problem, againButton(load)));
  } finally {
    find("asking").hidden = true;
  }
}

async function oncreate() {
  const key = await create();
  if (key === null) return;
  rows.put(key, { first: true });
  toast("keys.created.done", { name: key.name });
}

async function onrotate(key) {
  const made = await rotate(key);
  if (made === null) return;
  rows.put(made.replaced);
  rows.put(made, { first: true });
  toast("keys.rotated.done", { name: key.name });
}

async function onrevoke(key) {
  const revoked = await revoke(key, { own: rows.isOwn(key) });
  if (revoked === null) return;
  rows.put(revoked);
  rows.focus(revoked);
  toast("keys.revoked.done", { name: key.name });
}

async function begin() {
  const operator = await joinShell({ page: "keys", scope: "admin", onlanguage: () => rows.show() });
  if (operator === null) return;
  rows.operator = operator;
  find("create").hidden = false;
  find("create").addEventListener("click", oncreate);
  await load();
  document.addEventListener("visibilitychange", () => document.hidden || document.querySelector("dialog") || load());
}

begin();
