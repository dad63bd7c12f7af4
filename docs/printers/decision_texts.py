"""What the kinds, phases and codes of decisions mean, for the page about decisions."""

from collections.abc import Mapping

from segue.delivery.commands import ALREADY
from segue.delivery.rollout import Kind, Phase, Verb

KINDS: Mapping[Kind, str] = {
    Kind.STARTED: "An attempt began: its first stage's share holds.",
    Kind.WAITED: "Nothing changed; it waits for time, proof, a window, an approval, or the end of a freeze.",
    Kind.HELD: "The share stays where it is. Held by doubt, it goes on by itself; held by a breach or by "
    "`wait_limit`, it needs somebody (and its phase is `held`).",
    Kind.ADVANCED: "The next stage began, or the bake.",
    Kind.PROMOTED: "The candidate is the baseline for everybody.",
    Kind.STEPPED_BACK: "An earlier stage began again.",
    Kind.DROPPED: "One character hears the baseline again; the rollout goes on with the others.",
    Kind.ROLLED_BACK: "Everybody hears the baseline; the attempt is over.",
    Kind.WARNED: "A gate that only warns is broken; nothing else changed.",
    Kind.PAUSED: "Somebody paused it.",
    Kind.RESUMED: "Somebody let it go on after a pause or a hold.",
    Kind.APPROVED: "Somebody agreed to the next stage.",
    Kind.FROZEN: "Somebody froze it: nothing advances, harm still rolls back.",
    Kind.THAWED: "Somebody ended the freeze.",
    Kind.RETRIED: "A new attempt began after a roll back, with empty evidence.",
    Kind.REFUSED: "A command without effect, and why. It is answered, and not kept.",
}

PHASES: Mapping[Phase, str] = {
    Phase.RUNNING: "In one of its stages.",
    Phase.BAKING: "All stages are over; the holdback stays on the baseline for a while.",
    Phase.HELD: "Something was proved that a person must look at. The share stays where it is.",
    Phase.PAUSED: "A person paused it. Harm still rolls back.",
    Phase.PROMOTED: "The candidate is the baseline. It can still be rolled back.",
    Phase.ROLLED_BACK: "Everybody hears the plan's baseline.",
}

DECIDED: Mapping[str, str] = {
    "breach": "A gate is proved broken. `gate` says which, or `joint` where only all together are proof.",
    "common_cause": "The limits are missed, but not proved to be the candidate's doing: the baseline is hardly better.",
    "routing": "The arms are not as large as they should be, so that nothing of this stage can be trusted.",
    "no_data": "The candidate has not spoken since the stage began, for longer than `stale_after`.",
    "stale": "The candidate has not spoken for longer than `stale_after`.",
    "source": "A Prometheus that was to be asked for alerts did not answer.",
    "frozen": "It is frozen.",
    "kill_switch": "Spoken replies are switched off.",
    "barred": "After a breach the share does not rise until somebody resumes or promotes.",
    "dwell": "As a wait: the least time in the stage is not over. As an advance: it is, and no proof is asked for.",
    "certification": "Not every gate is proved yet; the sentence has the one that is furthest from it.",
    "wait_limit": "The plan's patience is over.",
    "window": "The share may only grow at the plan's times.",
    "approval": "All is ready; somebody must agree.",
    "certified": "Every gate is proved.",
    "without_proof": "Not every gate is proved: after the wait limit where the plan says so, or by command.",
    "baked": "The bake is over, and no gate was broken in it.",
    "command": "Somebody commanded it; `actor` says who, and the sentence has the reason that was given.",
}

REFUSED: Mapping[str, str] = {
    ALREADY: "What was commanded is so already. It is answered with 200 and changes nothing.",
    "approval": "The next stage asks for no approval, or another stage was named.",
    "baseline": "The baseline is not the plan's (force replaces it); or, where a promoted rollout is rolled back, it "
    "is not that rollout's candidate any more.",
    "breach": "A gate was broken: resume first, or use force.",
    "cool_down": "Too soon after a roll back: wait, or use force.",
    "ended": "The attempt has ended.",
    "first_stage": "There is no earlier stage: roll back instead.",
    "frozen": "It is frozen: thaw it, or promote with force.",
    "kill_switch": "Spoken replies are switched off: switch them on, or promote with force.",
    "link": "The link was used, or the rollout has moved on.",
    "locked": "This candidate was rolled back too often: change it, or use force.",
    "never_started": "There is nothing to retry: start it.",
    "other": "Another rollout is running, and only one can.",
    "promoted": "It was promoted: roll it back first, or start a plan with another baseline.",
    "running": "An attempt is running, or another rollout on top of this one: end that first.",
    "stage": "The stage that was named is no earlier one.",
    "variant": "A variant of the plan names a model, a synthesizer or a voice that is not to be had here.",
}

VERBS: Mapping[Verb, str] = {
    Verb.START: "rollout start",
    Verb.PAUSE: "rollout pause",
    Verb.RESUME: "rollout resume",
    Verb.APPROVE: "rollout approve",
    Verb.PROMOTE: "rollout promote",
    Verb.STEP_BACK: "rollout step-back",
    Verb.ROLL_BACK: "rollout rollback",
    Verb.FREEZE: "rollout freeze",
    Verb.THAW: "rollout thaw",
    Verb.RETRY: "rollout retry",
}
