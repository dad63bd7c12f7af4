"""Prints the page of the HTTP API from the OpenAPI document that a server answers with."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2

from docs.printers.markdown import NONE, page, table
from docs.printers.schemas import Schema, default, kind, resolved
from segue.configuration import ProviderSettings
from segue.settings import Settings
from segue.wiring.house import build

Answer = tuple[str, str, str]
"""A status, the media types it answers with, and when."""

TAGS = {
    "voice": ("Voice", "What a listener needs. Bodies are JSON; an unknown field is refused with its name."),
    "state": ("State", "What balancers, Prometheus and operators ask."),
    "access": (
        "Access",
        "Who comes in: sessions of the page, and [keys](../how-to/keys.md). Moments are Unix seconds.",
    ),
    "chats": (
        "Chats",
        "Operators' chats, and the runs that answer them; see [chats over the API](../how-to/chats-over-the-api.md) "
        "and [a message is sent once](../explanation/exactly-once.md). What belongs to another node is sent on to it.",
    ),
    "rollouts": (
        "Rollouts",
        "Who hears what (see [who hears what](assignment.md)), and what is decided about it.",
    ),
    "turns": ("Turns", "The records of turns that are over."),
    "operations": (
        "Operations",
        "What operators' commands leave on record (see [going live](../how-to/go-live.md)), "
        "[backups](../how-to/back-up-and-restore.md), and [incidents](../how-to/incidents.md).",
    ),
    "audit": (
        "Audit",
        "Who did what; see [the entries](audit.md) and [what they prove](../explanation/audit.md). All of it leaves "
        "entries itself.",
    ),
    "nodes": ("Nodes", "This node and [the others](../how-to/several-nodes.md)."),
    "openai": (
        "OpenAI-compatible",
        "Existing clients need only another base URL; see [OpenAI clients](../how-to/openai-clients.md). Unknown "
        "fields are left aside, as those clients expect.",
    ),
}

_OPENING = """
The document behind this page is served at `/api/openapi.json`.

- What operators do takes a key: `Authorization: Bearer seg_…`, or `X-API-Key`, or the session of the page. Each
  operation names the scope that it takes; without a good key it answers 401, without the scope 403. Operations that
  name none are open, but for those that listeners use: where `access.listeners` is `key` they take `send`. [Who
  somebody is](../explanation/console.md#who-somebody-is).
- Lists answer `items` and `next`; `next` is the `cursor` of the next page, null at the end. A cursor is good for the
  same operator, list, filter and order. [Lists](../explanation/console.md#lists).
- Every answer carries `x-request-id`; send one of your own (letters, digits, `.`, `_`, `-`, at most 64) and it is kept.
  The log lines of a request have it.
- Errors are `application/problem+json` on `/api` and OpenAI's error object on `/v1`; see [errors](errors.md).
- Answers that speak carry `x-segue-turn`, the id of the turn's record. Bare audio also carries `x-segue-language`,
  `x-segue-provider` and `x-segue-voice`, who really speaks; and `x-segue-substituted`, the voice that was asked for,
  where another one is heard. `x-segue-variant` and `x-segue-session` say which variant the listener was given, and how
  the next request keeps it ([who hears what](assignment.md)). A stream says what is known at its first audible sound, a
  file says all.
- The status of bare audio is decided at its first audible sound: what fails before is an error with its own status,
  what fails later breaks the connection off, so that half a reply never looks like a whole one.
- `WS /api/voice/ws` is described with the [events of a turn](events.md).
"""

NOTES = {
    "POST /api/voice/chat/stream": """
With `allow_whole`, and only while spoken replies are switched off, the answer is one JSON object at the end of the
turn: the fields of the event `meta`, then `text`, `audio` (base64), `audio_ms`, `speakers` (the voice of each
synthesizer that was heard) and `degraded` (a list of what was told; see [the events](events.md)).
""",
    "POST /api/voice/tts": """
With `store` the answer is JSON: `key`, `media_type`, `size_bytes`, `audio_ms`, `label` (who spoke: `turn`, `language`,
`provider`, `model`, `voice`), `url` and `expires_in_s`. The link works for whoever has it until it expires
([Keep audio](../how-to/keep-audio.md)).
""",
    "POST /api/session": """
The answer says who came in: `name`, `scopes`, `via`, and `expires_at`. The cookie, whose name begins with
`segue_session`, holds for `access.session_s`, and never longer than the key. `GET` answers the same of whoever asks.
""",
    "GET /api/keys": """
Each item has its `id`, `name`, `scopes`, `state` (`good`, `expired`, `revoked`), `made_by`, the moments `created_at`,
`expires_at`, `revoked_at` and `used_at` (null where there is none), and `replaces`, the id of the key that it replaced.
""",
    "POST /api/keys": """
The answer is such an item, with the text of the key in `key`.
""",
    "POST /api/keys/{key_id}/rotate": """
The answer is the new key, as when one is made, with the old one as it stands now in `replaced`.
""",
    "POST /api/chats": """
A chat has its `id`, `at`, `title`, `owner` and `node`.
""",
    "GET /api/chats/{chat_id}/messages": """
A message has its `id`, `chat`, `at`, `role` (`user` or `assistant`), `text`, `run` and `operator`. Within a chat `at`
grows, whatever clocks do.
""",
    "POST /api/chats/{chat_id}/send": """
The answer has `run`, `chat`, `message`, `reply` and `attempt`; a 202 has `state` in place of the last two.
`x-segue-run` is the id of the run. What was counted carries `RateLimit-Policy` and `RateLimit`. A reply that failed is
answered with its error and `run`. What the events say is in [chats over the
API](../how-to/chats-over-the-api.md#take-the-reply-as-you-like).
""",
    "GET /api/runs/{run_id}": """
`state` is `running`, `done` or `failed`; `attempt` counts how often it was begun; `reply` is there once it is done,
`code` and `reason` where it failed; `ended_at` and `speak`.
""",
    "GET /api/audit": """
`since` is included, `until` is not. Each item has the [fields of an entry](audit.md#fields-of-an-entry), with `at` in
Unix seconds and `facts` as an object.
""",
    "GET /api/audit/verification": """
`ok`: nothing is wrong; `proven`: and a signed head says so. `checked`, `from_seq`, `to_seq`; `heads` that met their
entry, `prunes`: signed records of pruning; the first hundred `faults` (`seq`, `kind`, `sentence`) of `fault_count`;
`warnings`: what does not count, and why; `head`: the newest that met its entry, null where there is none; `took_s`.
""",
    "POST /api/audit/prune": """
The answer has `removed` (or `would_remove`), `to_seq`, the last entry that is gone, `left` and `dry_run`.
""",
    "GET /api/nodes": """
Each item has its `name`, whether it is this one (`own`), `url`, `state` (`ready`, `not ready`, `dead`, `unknown`),
`checked_at`, `answer_ms`, `version` and `reasons`.
""",
    "GET /api/providers": """
Each item has its `name`, `role` (`model`, `synthesizer`, `recognizer`) and `state` (`ready`, `resting`, `being tried`,
`left out`) with the `reason`; `vendor`, `model`, `version` and `place`; `breaker` (its `state`, for how long, how often
it has opened, how long the rest lasts yet, the share of bad calls); the `limits` it is held to; `calls`, `failures`,
`running` and the `last_error`. `chains` has the order of each role; `models` by profile. `segue providers` prints it.
""",
    "GET /api/voice/degradation_status": """
What it says is explained in [When replies become slow or fail](../explanation/degradation.md).
""",
    "POST /api/voice/switch": """
The answer tells how the switch stands: `enabled`, `since` (Unix seconds), `reason`, `by` (an operator, `start` or
`configuration`), and `kept`, which is false where a restart would forget it. What it stops is in [Survive providers
that fail](../how-to/survive-provider-failures.md#switch-speech-off).
""",
    "GET /api/rollouts/{name}": """
Times are Unix seconds, spans seconds, shares basis points.

- `sentence`: how it stands, in one sentence; `phase`: `running`, `baking`, `held`, `paused`, `promoted` or
  `rolled_back`.
- `stage` (`index`, `name`, `since`, `elapsed_s`, `dwell_s`, `left_s`; time that nobody observed does not count),
  `stages` (each `done`, `current` or `next`; the last one is the `bake`), `share_bp`, `holdback_bp`, and `realised`:
  the listeners of the stage by the arm they were given.
- `gates`: each with its `unit` (`share`: parts of one; `s`: seconds; `none`), its `word` (`pass`, `breach`, `wait`,
  `hold`) and `reason`; the candidate's `value` with an interval that holds at every look (`low`, `high`), the `limit`,
  `n` and `bad`, the baseline's `baseline_n` and `baseline_value`; the `evidence` against it beside the `line` at which
  it is a breach, the `certainty` beside the one at which it passes (`certain`), about how many listeners are `missing`,
  and the `curve`: moments and the logarithm of the evidence.
- `joint`, `doubts`, `breaches`, `waiting_for`, `dropped`, `frozen`, `why` and `code`: what holds it, and how strongly.
- `commands`: for each verb whether it is `allowed`, `why` not, and whether it would be `by_force`.
- `approval` (`needed`, `stage`), `baseline`, `candidate`, `plan` (its `version`, digests, `alpha`, `beta`), `attempt`,
  `attempts`, `started_at`, `ended_at`, the `last` decision, `controller` (`ticked_s_ago`, `stalled`, `holder`: known on
  the server that looks after it), and `restricted`: what the environment of this server takes away.
""",
    "POST /api/rollouts/{name}/{verb}": """
The answer has the `decision` and the `status` afterwards; where nothing had to change the decision has the code
`already` and the number 0. A roll back holds even while the database cannot be written; the `status` is null then.
""",
    "GET /api/rollouts/{name}/events": """
Server-sent events. `status` comes at once, whenever it changes, and at least every 5 s; `decision` for each new one,
with an id such as `2/14` (attempt and number). With `Last-Event-ID` the stream begins after that decision, otherwise
with the latest 20.
""",
    "GET /api/rollouts/{name}/export": """
Each line has its `kind`, and its value under that word: `plan` and `rollout` first, then every `decision`, every `look`
that changed something (with the `version` it led to), and every closed `block`.
""",
    "POST /api/plans/check": """
The answer has `ok`, the `problems` (`line`, `where`, `reason`), the `stages` (with `turns_per_s` also what each gate is
expected to take in each of them), and the `terms` that the gates come to.
""",
}
"""What OpenAPI does not say of an answer."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, with what OpenAPI says of it."""

    name: str
    plain: Schema

    @property
    def tags(self) -> list[str]:
        """The groups it belongs to."""
        return list(self.plain["tags"])

    @property
    def takes(self) -> str:
        """What a caller needs: the scopes, or only a key; empty where it is open."""
        scopes = [scope for needed in self.plain.get("security", []) for each in needed.values() for scope in each]
        if "security" not in self.plain:
            return ""
        return "the scope " + ", ".join(f"`{scope}`" for scope in scopes) if scopes else "a key, of whatever scope"

    @property
    def answers(self) -> list[Answer]:
        """How it answers; the framework's own word for a fault in the request is not what a caller gets here."""
        return [
            (status, ", ".join(f"`{media}`" for media in answer.get("content", {})) or NONE, _when(answer))
            for status, answer in self.plain["responses"].items()
            if "HTTPValidationError" not in json.dumps(answer)
        ]


def http_page(note: str) -> str:
    """Every path: what it does, what it reads, and how it answers."""
    document = openapi()
    unknown = set(NOTES) - {found.name for found in _operations(document)}
    if unknown:
        raise LookupError(f"there is no {', '.join(sorted(unknown))} to say more of")
    parts = []
    for tag, (title, words) in TAGS.items():
        operations = [found for found in _operations(document) if tag in found.tags]
        shared = set.intersection(*(set(found.answers) for found in operations)) if len(operations) > 1 else set()
        parts.append(
            page(
                f"## {title}",
                words,
                page("All of them may answer:", _answers(sorted(shared))) if shared else "",
                *(_printed(found, shared, document) for found in operations),
            )
        )
    return page("# HTTP API", note, _OPENING, *parts)


def openapi() -> Schema:
    """The OpenAPI document, asked of an application that has nothing started."""
    providers = ProviderSettings(models=("scripted",), synthesizers=("scripted",), recognizers=())
    with TemporaryDirectory() as folder:
        house = build(Settings.model_construct(providers=providers, data=Path(folder)))

    async def ask() -> Schema:
        transport = httpx2.ASGITransport(app=house.app())
        async with httpx2.AsyncClient(transport=transport, base_url="http://segue") as client:
            document: Schema = (await client.get("/api/openapi.json")).json()
            return document

    return asyncio.run(ask())


def _operations(document: Schema) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, plain in methods.items():
            yield Operation(f"{method.upper()} {path}", plain)


def _printed(operation: Operation, shared: set[Answer], document: Schema) -> str:
    asked = [
        [f"`{entry['name']}`", kind(entry["schema"], document), f"In the {entry['in']}."]
        for entry in operation.plain.get("parameters", [])
    ]
    return page(
        f"### `{operation.name}`",
        operation.plain["description"],
        f"Takes {operation.takes}." if operation.takes else "",
        table(["parameter", "kind", "where"], asked) if asked else "",
        *(page(f"Reads `{content}`:", _fields(body, document)) for content, body in _bodies(operation.plain)),
        NOTES.get(operation.name, ""),
        _answers([answer for answer in operation.answers if answer not in shared]),
    )


def _answers(answers: Sequence[Answer]) -> str:
    return table(["status", "answers with", "when"], answers) if answers else ""


def _when(answer: Schema) -> str:
    words = str(answer["description"])
    return "It worked." if words == "Successful Response" else words


def _bodies(operation: Schema) -> Iterator[tuple[str, Schema]]:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield media, content["schema"]


def _fields(schema: Schema, document: Schema) -> str:
    found = resolved(schema, document)
    required = set(found.get("required", ()))
    rows = [
        [
            f"`{name}`",
            kind(entry, document),
            "required" if name in required else default(entry),
            entry.get("description") or NONE,
        ]
        for name, entry in found["properties"].items()
    ]
    return table(["field", "kind", "default", "what it is"], rows)
