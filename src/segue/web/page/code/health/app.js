/**
 * The page of the server's health: how replies are served, whether they are spoken at all, and how the providers are.
 * It asks by itself while it is looked at, and touches only what has changed.
 */

import { write } from "../build.js";
import { api } from "../shell/api.js";
import { joinShell } from "../shell/shell.js";
import { showTrouble } from "../shell/trouble.js";
import { learn, say, words } from "../words.js";
import en from "../../texts/health/en.js";
import ru from "../../texts/health/ru.js";
import uk from "../../texts/health/uk.js";
import zh from "../../texts/health/zh.js";
import { showAxes } from "./axes.js";
import { showChanges } from "./changes.js";
import { Governing } from "./governing.js";
import { showPromises } from "./promises.js";
import { showChains, showProviders } from "./providers.js";
import { KillSwitch } from "./switch.js";

learn({ en, ru, uk, zh });

const EVERY_MS = 5_000;
const find = (id) => document.getElementById(id);

let known = null; // {degradation, providers, ready}: what the server said last
let asked = 0;
let told = "";
const kill = new KillSwitch(find, look);
const governing = new Governing(find, look);

/** Ask now. Of answers that overtake one another the latest question's counts. */
async function look() {
  const asking = ++asked;
  try {
    const [degradation, providers, ready] = await Promise.all([
      api("/api/voice/degradation_status"),
      api("/api/providers"),
      readiness(),
      governing.look(),
    ]);
    if (asking !== asked) return;
    known = { degradation, providers, ready };
    showTrouble(find("lost"), null);
    heard("live");
    show();
  } catch (problem) {
    if (asking !== asked) return;
    showTrouble(find("lost"), problem);
    heard("lost");
  }
}

/** Whether this server should be sent listeners; 503 is an answer like the other. */
async function readiness() {
  try {
    return await api("/api/ready");
  } catch (problem) {
    if (problem.plain?.reasons) return problem.plain;
    throw problem;
  }
}

function show() {
  if (known === null) return;
  const { degradation, providers, ready } = known;
  find("well").hidden = false;
  const reasons = Object.entries(ready.reasons ?? {}).map(([name, reason]) => `${name}: ${reason}`);
  find("unready").hidden = reasons.length === 0;
  write(find("unready"), reasons.length === 0 ? "" : words("health.unready", { reasons: reasons.join("; ") }));
  showAxes(find("axes"), degradation);
  kill.show(degradation.switch);
  showProviders(find("providers"), providers, governing.may);
  find("providers-switch").hidden = !governing.may;
  governing.show();
  showChains(find("chains"), providers.chains);
  showPromises(find("promises"), degradation.profiles);
  showChanges(find("changes"), find("unchanged"), degradation.changes);
  tell(degradation);
}

/** Tell those who listen when a state has become another; not every five seconds. */
function tell({ axes }) {
  const now = Object.entries(axes)
    .map(([axis, { state }]) => `${words(`axis.${axis}`)}: ${words(`state.${state}`)}`)
    .join(". ");
  if (told !== "" && now !== told) write(find("told"), now);
  told = now;
}

function heard(state) {
  find("heard").dataset.state = state;
  say(find("heard-text"), `heard.${state}`);
}

async function begin() {
  const operator = await joinShell({ page: "health", scope: "read", onlanguage: show });
  if (operator === null) return;
  kill.join(operator);
  governing.join(operator);
  setInterval(() => document.hidden || look(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  await look();
}

begin();
