/** Removing old entries: first it is counted what would go, and nothing goes before that was seen and agreed to. */

import { make } from "../build.js";
import { api } from "../shell/api.js";
import { field, question } from "../shell/dialog.js";
import { toast } from "../shell/toast.js";

const PATIENCE_MS = 600_000;

/**
 * Ask for which age, count, ask again, and remove.
 *
 * @param {() => void} ondone something was removed
 */
export async function prune(ondone) {
  const days = make("input", { name: "before_days", type: "number", min: 0, max: 36500, step: "any", inputmode: "decimal" });
  const counted = await question({
    title: ["prune.title"],
    text: ["prune.text"],
    yes: ["prune.count"],
    fields: [field("prune.days", days, "prune.days.hint")],
    act: async (answers) => {
      const asked = answers.get("before_days") === "" ? {} : { before_days: Number(answers.get("before_days")) };
      return { asked, ...(await send({ ...asked, dry_run: true })) };
    },
  });
  if (counted === null) return;
  const { asked, would_remove, to_seq, left } = counted;
  if (would_remove === 0) return toast("prune.nothing");
  const vacuum = make("input", { name: "vacuum", type: "checkbox" });
  const done = await question({
    title: ["prune.sure", { count: would_remove }],
    text: ["prune.sure.text", { count: would_remove, to: to_seq, left }],
    yes: ["prune.yes", { count: would_remove }],
    harm: true,
    fields: [field("prune.vacuum", vacuum)],
    act: (answers) => send({ ...asked, dry_run: false, vacuum: answers.get("vacuum") !== null }),
  });
  if (done === null) return;
  toast("prune.done", { count: done.removed, left: done.left });
  ondone();
}

const send = (json) => api("/api/audit/prune", { method: "POST", json, signal: AbortSignal.timeout(PATIENCE_MS) });
