/** The page of the audit: what was done and by whom, filtered as the address says, and the proof that it is whole. */

import { Pages } from "../shell/api.js";
import { joinMore, joinShell } from "../shell/shell.js";
import { trouble } from "../shell/trouble.js";
import { learn } from "../words.js";
import en from "../../texts/audit/en.js";
import ru from "../../texts/audit/ru.js";
import uk from "../../texts/audit/uk.js";
import zh from "../../texts/audit/zh.js";
import { Entries } from "./entries.js";
import { Filters } from "./filters.js";
import { prune } from "./pruning.js";
import { Verification } from "./verification.js";

learn({ en, ru, uk, zh });

const find = (id) => document.getElementById(id);
const filters = new Filters(find("filters"), () => setTimeout(load));
const entries = new Entries(find("entries"));
const verification = new Verification(find("verify"), find("verdict"), find("verdict-says"));

let latest = null; // the list that is shown: an older one that comes late is left alone

async function load() {
  const pages = new Pages("/api/audit", { ...filters.query, limit: 50 });
  latest = pages;
  entries.clear();
  find("trouble").replaceChildren();
  find("asking").hidden = false;
  find("none").hidden = true;
  const next = joinMore(find("more"), pages, (items) => pages === latest && entries.add(items));
  try {
    await next();
  } catch (problem) {
    if (pages === latest) find("trouble").replaceChildren(trouble(problem));
  }
  if (pages !== latest) return;
  find("asking").hidden = true;
  find("table").hidden = entries.known.length === 0;
  find("none").hidden = entries.known.length > 0 || find("trouble").hasChildNodes();
}

function speak() {
  filters.show();
  entries.speak();
  verification.speak();
}

async function begin() {
  const operator = await joinShell({ page: "audit", scope: "audit:read", onlanguage: speak });
  if (operator === null) return;
  find("does").hidden = false;
  find("fold").hidden = false;
  const may = operator.may("admin");
  find("prune").setAttribute("aria-disabled", String(!may));
  find("prune-why").hidden = may;
  if (!may) find("prune").setAttribute("aria-describedby", "prune-why");
  find("prune").addEventListener("click", () => may && prune(load));
  filters.read();
  find("fold").open = matchMedia("(min-width: 821px)").matches || Object.keys(filters.query).length > 0;
  await load();
}

begin();
