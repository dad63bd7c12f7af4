/**
 * The page of the rollouts: one of them (`rollout.html#/name`), or all. What the server says is shown as it comes; in
 * between only the clocks go on.
 */

import { showLine } from "../shell/bar.js";
import { joinShell } from "../shell/shell.js";
import { learn, say, words } from "../words.js";
import en from "../../texts/rollout/en.js";
import ru from "../../texts/rollout/ru.js";
import uk from "../../texts/rollout/uk.js";
import zh from "../../texts/rollout/zh.js";
import { Commands } from "./commands.js";
import { Feed } from "./feed.js";
import { Tile } from "./gate.js";
import { Head } from "./head.js";
import { List } from "./list.js";
import { Log } from "./log.js";
import { live } from "./sentence.js";
import { showShares } from "./shares.js";
import { Stages } from "./stages.js";

learn({ en, ru, uk, zh });

const find = (id) => document.getElementById(id);
const TRUST_S = 15; // the clocks do not run on for longer than this without a word from the server
const TONES = { live: "open", polling: "connecting", polling_list: "open", asking: "connecting", lost: "waiting", missing: "waiting" };

let status = null;
let seen_ms = 0;
let state = "asking";
let tiles = [];

const feed = new Feed({ onstatus, ondecision: (decision) => log.add(decision), onstate });
const list = new List(find, onstate);
const head = new Head(find);
const stages = new Stages(find("stages"));
const log = new Log(find("events"), find("earlier"), (attempt) => feed.decisions(attempt));
const commands = new Commands(find("commands"), find("reason"), find("confirm"), (now, decision) => {
  onstatus(now);
  if (decision) log.add(decision);
});

/* --- what the server says ------------------------------------------------------------------------------------ */

function onstatus(now) {
  if (now.name !== chosen()) return;
  status = now;
  seen_ms = performance.now();
  log.follow(now.attempt);
  show();
}

function onstate(now) {
  state = now;
  showLine(TONES[now], `live.${now}`);
  const trouble = now === "missing" || (now === "lost" && chosen() !== null && status === null);
  find("lost").hidden = !trouble;
  if (trouble) say(find("lost"), `lost.${now}`, { name: chosen() ?? "" });
  if (now === "missing") find("one").hidden = true;
  document.body.dataset.live = now;
}

/* --- showing ------------------------------------------------------------------------------------------------- */

function show() {
  if (!status) return;
  find("one").hidden = false;
  head.show(status);
  stages.show(status);
  showShares(find("shares"), status);
  showGates();
  commands.show(status);
  tick();
}

function showGates() {
  const names = status.gates.map(({ gate }) => gate);
  if (names.join(" ") !== tiles.map(({ gate }) => gate.gate).join(" ")) {
    for (const tile of tiles) tile.remove();
    tiles = names.map((name) => new Tile(name));
    find("gates").replaceChildren(...tiles.map(({ root }) => root));
  }
  const ages = agesNow();
  status.gates.forEach((gate, at) => tiles[at].show(gate, status, ages));
}

/** How much time has passed since the server spoke, as far as its word can be carried on. */
function passed_s() {
  return live(status.phase) ? Math.min(TRUST_S, (performance.now() - seen_ms) / 1000) : 0;
}

function agesNow() {
  const later = (age_s) => (age_s === null ? null : age_s + passed_s());
  return { candidate_s: later(status.ages.candidate_s), baseline_s: later(status.ages.baseline_s) };
}

function tick() {
  if (!status) return;
  const passed = passed_s();
  const { elapsed_s, left_s, dwell_s } = status.stage;
  const clock = { elapsed_s: elapsed_s + passed, left_s: Math.max(0, left_s - passed), dwell_s };
  head.tick(status, clock.left_s);
  stages.tick(clock, !live(status.phase));
  const ages = agesNow();
  for (const tile of tiles) tile.tick(ages);
}

function redraw() {
  for (const tile of tiles) tile.redraw();
}

/* --- choosing ------------------------------------------------------------------------------------------------ */

/** The rollout in the address, or null for all. */
function chosen() {
  const found = /^#\/(.+)$/.exec(location.hash);
  return found ? decodeURIComponent(found[1]) : null;
}

function go() {
  const name = chosen();
  status = null;
  log.clear();
  list.close();
  feed.close();
  find("one").hidden = true;
  find("lost").hidden = true;
  find("list").hidden = name !== null;
  onstate("asking");
  if (name === null) {
    document.title = words("shell.title", { page: words("way.rollouts") });
    list.open();
  } else feed.open(name);
  scrollTo(0, 0);
}

async function begin() {
  const onlanguage = () => {
    show();
    log.show();
    list.show();
    redraw();
  };
  const operator = await joinShell({ page: "rollouts", scope: "read", onlanguage, ontheme: redraw });
  if (operator === null) return;
  commands.allow(operator);
  addEventListener("hashchange", go);
  find("up").addEventListener("click", (event) => {
    event.preventDefault();
    location.hash = "";
  });
  setInterval(() => document.hidden || tick(), 1000);
  go();
}

window._rolloutStats = () => ({ state, status, events: log.known.size });

begin();
