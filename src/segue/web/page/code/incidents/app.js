/** The page of the incidents: what went wrong, who leads, who must be told by now, and what was written down. */

import { Pages } from "../shell/api.js";
import { joinMore, joinShell } from "../shell/shell.js";
import { toast } from "../shell/toast.js";
import { againButton, trouble } from "../shell/trouble.js";
import { learn } from "../words.js";
import en from "../../texts/incidents/en.js";
import ru from "../../texts/incidents/ru.js";
import uk from "../../texts/incidents/uk.js";
import zh from "../../texts/incidents/zh.js";
import { Cards } from "./cards.js";
import { close, create, mitigate, note } from "./doing.js";

learn({ en, ru, uk, zh });

const EVERY_MS = 15_000;
const ACTS = { note, mitigate, close };

const find = (id) => document.getElementById(id);
const cards = new Cards(find("incidents"), onact);

/** Ask for the incidents, and show them instead of those that were there. */
async function load() {
  const pages = new Pages("/api/incidents");
  let fresh = true;
  const more = joinMore(find("more"), pages, (incidents) => {
    if (fresh) cards.clear();
    fresh = false;
    cards.add(incidents);
    find("none").hidden = cards.count > 0;
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
  const incident = await create();
  if (incident === null) return;
  cards.put(incident);
  find("none").hidden = true;
  toast("incidents.created", { id: incident.id });
}

async function onact(verb, incident) {
  const changed = await ACTS[verb](incident);
  if (changed === null) return;
  cards.put(changed);
  cards.focus(changed);
  toast("incidents.changed", { id: incident.id });
}

async function begin() {
  const operator = await joinShell({ page: "incidents", scope: "read", onlanguage: () => cards.show() });
  if (operator === null) return;
  cards.writes = operator.may("rollout:write");
  find("create").hidden = !cards.writes;
  find("create").addEventListener("click", oncreate);
  await load();
  const again = () => document.hidden || document.querySelector("dialog") || cards.count > 100 || load();
  setInterval(again, EVERY_MS); // who must be told changes with the time
  document.addEventListener("visibilitychange", again);
}

begin();
