/** What can be done with incidents: each is a question, and what comes of it. */

import { make } from "../build.js";
import { api } from "../shell/api.js";
import { field, question } from "../shell/dialog.js";
import { words } from "../words.js";

const SEVERITIES = ["critical", "high", "medium", "low"];

/** Ask for a new incident. @returns {Promise<object | null>} the incident */
export function create() {
  const title = line("title", { autofocus: true });
  return question({
    title: ["incidents.create.title"],
    text: ["incidents.private"],
    yes: ["incidents.create.yes"],
    fields: [
      field("incidents.what", title),
      field("incidents.severity", severities("high")),
      field("incidents.services", line("services", { required: false }), "incidents.services.hint"),
      field("incidents.commander", line("commander", { required: false }), "incidents.commander.hint"),
    ],
    act: (answers) => {
      const services = listed(answers.get("services"));
      const json = { title: title.value.trim(), severity: answers.get("severity"), services, commander: answers.get("commander").trim() };
      return api("/api/incidents", { method: "POST", json });
    },
  });
}

/** Ask for a note, and how bad it is now. */
export function note(incident) {
  return question({
    title: ["incidents.note.title", { id: incident.id }],
    text: ["incidents.private"],
    yes: ["incidents.note.yes"],
    fields: [field("incidents.text", text("text")), field("incidents.severity", severities(incident.severity))],
    act: (answers) => change(incident, "notes", { text: answers.get("text"), severity: answers.get("severity") }),
  });
}

/** Ask how listeners ceased to suffer. */
export function mitigate(incident) {
  return question({
    title: ["incidents.mitigate.title", { id: incident.id }],
    text: ["incidents.mitigate.text"],
    yes: ["incidents.mitigate.yes"],
    fields: [
      field("incidents.how", text("text")),
      field("incidents.level", levels()),
      field("incidents.target", line("target", { required: false }), "incidents.target.hint"),
    ],
    act: (answers) => {
      const rollback = { rollback_level: Number(answers.get("level")), rollback_target: answers.get("target").trim() };
      return change(incident, "mitigate", { text: answers.get("text"), ...rollback });
    },
  });
}

/** Ask for the cause, and close it. */
export function close(incident) {
  return question({
    title: ["incidents.close.title", { id: incident.id }],
    text: ["incidents.close.text"],
    yes: ["incidents.close.yes"],
    fields: [field("incidents.cause", text("cause")), field("incidents.end", text("text"))],
    act: (answers) => change(incident, "close", { text: answers.get("text"), cause: answers.get("cause") }),
  });
}

const change = ({ id }, verb, json) => api(`/api/incidents/${id}/${verb}`, { method: "POST", json });

const line = (name, { required = true, autofocus = false } = {}) => make("input", { name, required, autofocus, maxlength: 200, autocomplete: "off" });

const text = (name) => make("textarea", { name, required: true, maxlength: 4000, rows: 3 });

const listed = (written) => written.split(",").map((each) => each.trim()).filter((each) => each !== "");

function severities(chosen) {
  const options = SEVERITIES.map((value) => make("option", { value, selected: value === chosen }, words(`incidents.severity.${value}`)));
  return make("select", { name: "severity" }, ...options);
}

function levels() {
  return make("select", { name: "level" }, ...[0, 1, 2, 3].map((value) => make("option", { value }, words(`incidents.level.${value}`))));
}
