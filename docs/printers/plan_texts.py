"""What the JSON Schema of a plan leaves unsaid, for the page about plans."""

from collections.abc import Mapping

from segue.delivery.plan import OnBreach, OnWaitLimit

ACTIONS: Mapping[OnBreach, str] = {
    OnBreach.ROLLBACK: "Everybody hears the baseline from the next turn on. The attempt is over.",
    OnBreach.STEP_BACK: "Back to the nearest earlier stage with a smaller share, and held there until somebody resumes "
    "it. In the first such stage there is none, and it rolls back.",
    OnBreach.DROP_COHORT: "The one character that alone breaks the gate hears the baseline; everybody else goes on. "
    "Where it is not one alone it does what `otherwise` says, and where nobody would be left it rolls back. Only for "
    "gates with a limit of their own: `latency`, `failure`, `fallback`, `underflow`, `mean`.",
    OnBreach.HOLD: "The share stays where it is until somebody resumes it.",
    OnBreach.WARN: "People are told, once in each stage. Nothing else happens; the stage passes without it.",
}

PATIENCE: Mapping[OnWaitLimit, str] = {
    OnWaitLimit.HOLD: "The stage is held until somebody resumes it; the limit then counts anew.",
    OnWaitLimit.PROMOTE_WITHOUT_PROOF: "The rollout goes on to the next stage, and the decision says that nothing was "
    "proved.",
    OnWaitLimit.ROLLBACK: "Everybody hears the baseline again.",
}

WORDS: Mapping[str, str] = {
    "Plan.schema_version": "The form of the file.",
    "Plan.name": "What the rollout is called in commands, records and messages.",
    "Plan.changes": "What differs between the two, for people.",
    "Plan.baseline": "What everybody hears today: see [the variants](#baseline-and-candidate).",
    "Plan.candidate": "What is to take its place.",
    "Plan.gates": "By name: what must hold. See [gates](#gates); at least one.",
    "Plan.verdict": "How much proof is asked for: see [verdict](#verdict).",
    "Plan.stages": "The steps, in order: see [stages](#stages).",
    "Plan.bake": "The time after the last stage: see [bake](#bake).",
    "Plan.notify": "Who is told of what: see [notify](#notify).",
    "PlannedVariant.name": "What it is called in records, measures and decisions.",
    "LatencyGate.kind": "",
    "LatencyGate.measure": "Until when is waited: the first audible sound, that of the first sentence counted from the "
    "sentence on, the model's first token, or the end of the turn.",
    "LatencyGate.fast": "A [coarse limit](#fast) beside it.",
    "RateGate.kind": "",
    "RateGate.at_most": "The share of such turns that is allowed.",
    "RateGate.fast": "A [coarse limit](#fast) beside it.",
    "MeanGate.kind": "",
    "MeanGate.measure": "As above; `synthesis` is the time that synthesizers took for the sentences of a turn.",
    "MeanGate.at_most": "The mean that is allowed; less than `cap`.",
    "RegressionGate.kind": "",
    "QuietGate.kind": "",
    "QuietGate.on_breach": "Another default than other gates have.",
    "MemoryGate.kind": "",
    "MemoryGate.grow_at_most": "How much more than at the start is allowed: 200 % is three times as much.",
    "VerdictPlan.pass_tolerance": "How many times the limit must be refuted for a gate to pass.",
    "VerdictPlan.on_wait_limit": "What becomes of the stage then: see [below](#when-nothing-is-proved).",
    "Stage.name": "What it is called; each has a name of its own.",
    "Stage.cohort": "To whom the share is applied: see [cohort](#cohort).",
    "CohortPlan.characters": "These characters; a turn without one is in no list.",
    "CohortPlan.languages": "These languages, as `uk`.",
    "CohortPlan.listeners": "These listeners, by the names that callers give.",
    "Bake.holdback": "The part of the cohort that stays on the baseline.",
    "Bake.dwell": "How long it lasts; then the candidate is the baseline for everybody.",
    "Window.days": "On which days it begins.",
    "Window.start": "When it begins, by the clock on the wall there.",
    "NotifyPlan.on": "Of what: see [below](#what-can-be-told).",
    "NotifyPlan.format": "One JSON object, or a message as Slack's incoming webhooks take it.",
    "NotifyPlan.url": "The address, where it is no secret; this or `url_variable` is needed.",
}
"""What the schema leaves unsaid, for the page; an empty word for keys whose meaning is their heading."""

TOLD: Mapping[str, str] = {
    "started": "an attempt began, a retry among them",
    "advanced": "the next stage, or the bake, began",
    "approval": "all is ready but for somebody who agrees; the message has the link",
    "held": "the share stays where it is: after a breach, or because the evidence is in doubt",
    "stale": "nothing was heard of the candidate for `stale_after`",
    "stepped_back": "back to an earlier stage",
    "dropped": "a character was taken out",
    "warned": "a gate that only warns is broken",
    "rolled_back": "everybody hears the baseline again",
    "promoted": "the candidate is the baseline",
    "commanded": "somebody paused, resumed, approved, froze or thawed it",
}
