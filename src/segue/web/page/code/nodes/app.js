/** The page of the nodes: the servers that chats can live on, and how each of them is, asked every few seconds. */

import { write } from "../build.js";
import { Pages } from "../shell/api.js";
import { showLine } from "../shell/bar.js";
import { joinShell } from "../shell/shell.js";
import { trouble } from "../shell/trouble.js";
import { learn, words } from "../words.js";
import en from "../../texts/nodes/en.js";
import ru from "../../texts/nodes/ru.js";
import uk from "../../texts/nodes/uk.js";
import zh from "../../texts/nodes/zh.js";
import { Card } from "./card.js";

learn({ en, ru, uk, zh });

const EVERY_MS = 3_000;

const find = (id) => document.getElementById(id);
const cards = new Map();
let nodes = [];
let asked = 0;

/** Ask for all of them. Of answers that overtake one another only the latest question's counts. */
async function look() {
  const asking = ++asked;
  try {
    const found = [];
    const pages = new Pages("/api/nodes");
    while (!pages.over) found.push(...(await pages.more()));
    if (asking !== asked) return;
    nodes = found;
    find("trouble").replaceChildren();
    showLine("open", "nodes.asking");
    show();
  } catch (problem) {
    if (asking !== asked) return;
    showLine("waiting", "nodes.lost");
    if (find("trouble").childElementCount === 0) find("trouble").append(trouble(problem));
  }
  find("asking").hidden = true;
}

function show() {
  for (const { name } of nodes) if (!cards.has(name)) cards.set(name, new Card());
  for (const [name, card] of cards) {
    const node = nodes.find((each) => each.name === name);
    if (node) card.show(node);
    else {
      card.root.remove();
      cards.delete(name);
    }
  }
  for (const { name } of nodes) if (!cards.get(name).root.isConnected) find("nodes").append(cards.get(name).root);
  find("alone").hidden = nodes.length !== 1;
  tell();
}

/** Those who listen are told when a state has changed, not every time one was asked for. */
function tell() {
  const bad = nodes.filter(({ state }) => state !== "ready");
  const told = bad.map(({ name, state }) => words("nodes.told", { name, state: words(`nodes.state.${state}`) }));
  write(find("told"), bad.length === 0 ? words("nodes.told.ready") : told.join(" "));
}

async function begin() {
  const operator = await joinShell({ page: "nodes", scope: "read", onlanguage: () => nodes.length && show() });
  if (operator === null) return;
  await look();
  setInterval(() => document.hidden || look(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || look());
}

begin();
