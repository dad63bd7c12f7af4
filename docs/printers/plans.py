"""Prints the page about plans from their JSON Schema: every key, what it may be, what it is without being written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.printers.markdown import NONE, page, table
from docs.printers.plan_texts import ACTIONS, PATIENCE, TOLD, WORDS
from docs.printers.schemas import Schema, default, kind, resolved
from segue.delivery.plan import BAKE, OnBreach, OnWaitLimit
from segue.delivery.planfile import plan_schema, read_plan
from segue.delivery.quantity import told_s
from segue.delivery.terms import FAST_PART, MOST_CHARACTERS, REGRESSION_PART, SLO_PART

EXAMPLE = """\
name: brighter
about: A brighter voice for everybody.
changes: voice
baseline: {name: plain, voice: en-us}
candidate: {name: brighter, voice: en-us+f3}

gates:
  ttfa: {kind: latency, measure: ttfa, over: 6s, at_most: 5%, fast: {at_most: 50%}}
  failures: {kind: failure, at_most: 2%, fast: {at_most: 20%}}
  underflow: {kind: underflow, at_most: 5%, on_breach: step_back}
  slower: {kind: regression, of: ttfa, tolerate: 20%, on_breach: hold}
  quiet: {kind: quiet, worst: fast, for_s: 1m}

stages:
  - {name: few, share: 5%, dwell: 30m}
  - {name: half, share: 50%, dwell: 2h, approval: true}
bake: {holdback: 5%, dwell: 1d}

windows:
  - {days: [mon, tue, wed, thu, fri], start: "09:00", end: "18:00", zone: Europe/Kyiv}
notify:
  - {audience: team, on: [approval, held, rolled_back, promoted], url_variable: TEAM_WEBHOOK}
"""

_OPENING = """
A plan is a YAML file (YAML 1.2) that says how a change reaches listeners. `segue plan check FILE` tells everything that
is wrong in it, with the line and what to write instead; with `--turns-per-s` also how long each stage will take.
`segue plan schema` prints the JSON Schema that this page is made from, for completion in an editor.

This is a whole plan. Those that ship are in [`plans`](../../plans/README.md); [your first
rollout](../tutorial/first-rollout.md) takes one from reading to rolling back.
"""
_QUANTITIES = """
- A **duration** is `90s`, `30m`, `2h`, `7d`, `1w`, `6000ms`, or several together, `1h30m`; a bare number is seconds.
- A **share** is a part of all and needs its percent sign, `5%`: a bare 5 could be meant either way.
- A **growth** is how much more, `20%`; it may be over 100 %.
- A **name** has `a-z`, `0-9`, `_` and `-`, 63 characters at most, and begins with a letter or a digit.
- What is true or false is `true` or `false`; `yes`, `no`, `on` and `off` are texts in YAML 1.2, and are refused there.
"""
_VARIANTS = """
Both have the same keys. Name whatever differs; the rest stays as it is configured. What the names mean for a turn that
asks for something of its own is in [who hears what](assignment.md#what-a-variant-changes).
"""
_GATES = """
`kind` says what is asked; what it has besides depends on that. What a gate claims, and what it does not, is
[explained](../explanation/gates.md).
"""
_EVERY = "What every gate has. `weight` and `otherwise` mean nothing for `quiet` and `memory`, which count no turns."
_FAST = """
A latency, failure, fallback or underflow gate may have one: a limit far above the ordinary one that is judged trial by
trial, at every look. What it finds rolls back, whatever `on_breach` says; only with `drop_cohort` it takes out the one
character it comes from, if it is one.
"""
_ACTIONS = "What `on_breach` and `otherwise` may say. `otherwise` cannot be `drop_cohort`."
_VERDICT = """
`alpha` is split once and for all when an attempt begins: {slo:g} % of it for the limits, {regression:g} % for the gates
that only compare with the baseline, {fast:g} % for the fast limits; each part over its gates by their `weight`. With a
gate that drops characters, half of the part for the limits goes to characters judged alone: those that the stages name,
or {characters} where a stage is for all. Gates that only hold or warn are judged beside the others with parts of their
own, and take nothing away from those that change who hears what.
"""
_BAKE = """
At 100 % there is nothing to compare with any more. So the last stage is followed by the bake, in which all of its
cohort but the holdback hears the candidate. A breach in it is acted on as in any stage. When it is over the rollout is
promoted: the candidate is for everybody then, also outside of the cohort. Where a stage is named, as in `notify`, it is
called `{bake}`.
"""
_ENVIRONMENT = """
With `environment: CHIRP3`, the variables `CHIRP3_ENABLED`, `CHIRP3_ROLLOUT_PERCENTAGE`, `CHIRP3_ENABLED_CHARACTERS` and
`CHIRP3_FALLBACK_TO_…` of one machine can take the candidate away there, and never give it: see
[who hears what](assignment.md#what-one-machines-environment-may-forbid).
"""


def plans_page(note: str) -> str:
    """Every key of a plan, with an example that is read, what gates there are, and what they may do."""
    read_plan(EXAMPLE, "docs/printers/plans.py")
    schema = plan_schema()
    verdict = _VERDICT.format(
        slo=SLO_PART * 100, regression=REGRESSION_PART * 100, fast=FAST_PART * 100, characters=MOST_CHARACTERS
    )
    actions = [[f"`{action}`", ACTIONS[action]] for action in OnBreach]
    patience = [[f"`{action}`", PATIENCE[action]] for action in OnWaitLimit]
    events = resolved({"$ref": "#/$defs/NotifyPlan"}, schema)["properties"]["on"]["items"]["enum"]
    return page(
        "# Plans",
        note,
        _OPENING,
        f"```yml\n{EXAMPLE}```",
        "## How quantities are written",
        _QUANTITIES,
        "## The plan",
        _keys("Plan", schema, schema),
        _ENVIRONMENT,
        "## `baseline` and `candidate`",
        _VARIANTS,
        _block("PlannedVariant", schema),
        "## `gates`",
        _GATES,
        _EVERY,
        _common(schema),
        *_kinds(schema),
        "### `fast`",
        _FAST,
        _block("Fast", schema),
        "### What a breach does",
        _ACTIONS,
        table(["action", "what happens"], actions),
        "## `verdict`",
        _block("VerdictPlan", schema),
        verdict,
        "### When nothing is proved",
        table(["`on_wait_limit`", "what happens"], patience),
        "## `stages`",
        _block("Stage", schema),
        "### `cohort`",
        _said("CohortPlan", schema),
        _block("CohortPlan", schema),
        "## `bake`",
        _BAKE.format(bake=BAKE),
        _block("Bake", schema),
        "## `windows`",
        _said("Window", schema),
        _block("Window", schema),
        "## `notify`",
        _block("NotifyPlan", schema),
        "### What can be told",
        table(["event", "what happened"], [[f"`{event}`", TOLD[event]] for event in events]),
    )


def _block(name: str, schema: Schema) -> str:
    return _keys(name, resolved({"$ref": f"#/$defs/{name}"}, schema), schema)


def _said(name: str, schema: Schema) -> str:
    """What the code itself says of a block."""
    return str(resolved({"$ref": f"#/$defs/{name}"}, schema)["description"])


def _common(schema: Schema) -> str:
    """The keys that all gates have, as most of them have them."""
    gate = resolved({"$ref": "#/$defs/RateGate"}, schema)
    own = {key: entry for key, entry in gate["properties"].items() if key in _COMMON}
    return _table("GatePlan", own, (), schema)


_COMMON = ("on_breach", "otherwise", "weight")


def _kinds(schema: Schema) -> Iterator[str]:
    """Each shape of gates, with the kinds that have it and what they have of their own."""
    (gates,) = schema["properties"]["gates"]["patternProperties"].values()
    usual = resolved({"$ref": "#/$defs/RateGate"}, schema)["properties"]
    shapes: dict[str, list[str]] = {}
    for name in ("latency", "failure", "fallback", "underflow", "mean", "regression", "quiet", "memory"):
        shapes.setdefault(gates["discriminator"]["mapping"][name].rpartition("/")[2], []).append(name)
    if sum(map(len, shapes.values())) != len(gates["discriminator"]["mapping"]):
        raise LookupError("there is a kind of gate that this page does not tell of")
    for shape, names in shapes.items():
        definition = resolved({"$ref": f"#/$defs/{shape}"}, schema)
        own = {
            key: entry
            for key, entry in definition["properties"].items()
            if key != "kind" and (key not in _COMMON or entry.get("default") != usual[key].get("default"))
        }
        heading = ", ".join(f"`kind: {name}`" for name in names)
        yield page(f"### {heading}", _said(shape, schema), _table(shape, own, definition["required"], schema))


def _keys(name: str, definition: Schema, schema: Schema) -> str:
    return _table(name, definition["properties"], definition.get("required", ()), schema)


def _table(name: str, entries: Mapping[str, Schema], required: Sequence[str], schema: Schema) -> str:
    """A row for each key. What must be written comes first."""
    rows = [
        [
            f"`{key}`",
            _kind(entry, schema),
            "required" if key in required else _default(entry),
            _meaning(name, key, entry),
        ]
        for key, entry in sorted(entries.items(), key=lambda item: item[0] not in required)
    ]
    return table(["key", "kind", "default", "what it is"], rows)


def _kind(entry: Schema, schema: Schema) -> str:
    """What may be written, in the words of this page: a duration, a share, a growth, a name."""
    if "anyOf" in entry:
        return _choice([choice for choice in entry["anyOf"] if choice.get("type") != "null"], schema)
    if "$ref" in entry or "patternProperties" in entry:
        return "block" if "enum" not in resolved(entry, schema) else kind(entry, schema)
    if entry.get("type") == "array":
        return "list of words" if "enum" in entry["items"] else f"list of {_kind(entry['items'], schema)}s"
    if entry.get("type") == "string" and "ge" in entry:
        return "share" if entry.get("le") == 1 else "growth"
    return "name" if str(entry.get("pattern", "")).startswith("^[a-z0-9]") else kind(entry, schema)


def _choice(choices: Sequence[Schema], schema: Schema) -> str:
    """A duration may be a text or a number; whatever else there is a choice of has its own words."""
    if [choice.get("type") for choice in choices] == ["string", "number"]:
        return "duration"
    return " or ".join(
        "list of text" if choice.get("type") == "array" and "pattern" not in choice["items"] else _kind(choice, schema)
        for choice in choices
    )


def _default(entry: Schema) -> str:
    value: Any = entry.get("default")
    if value in ("", []) or isinstance(value, dict):
        return NONE
    if isinstance(value, list):
        return "all of them" if len(value) == 7 else "all but `commanded`"
    if isinstance(value, float) and "anyOf" in entry:
        return f"`{told_s(value).replace(' min', 'm').replace(' ', '')}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if isinstance(value, str) else default(entry)


def _meaning(name: str, key: str, entry: Schema) -> str:
    """What the schema says, or else this page."""
    said = entry.get("description") or WORDS.get(f"{name}.{key}")
    if said is None:
        raise LookupError(f"nothing says what {name}.{key} is")
    return said
