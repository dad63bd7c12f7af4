"""Sixteen ways in which a language model's server fails, as a listener and two kinds of readers meet them."""

import asyncio
import dataclasses
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segue.records import AttemptOutcome, ModelAttempt, Served
from tests.faults.callers import Callers, Got
from tests.faults.trial import Result, Scenario, rested, whole
from tests.faults.wall import REPLY, Terms, Wall, tokens_of
from tests.vendors.script import Fault

Served_by = Literal["primary", "backup", "resumed", "refused", "failed"]
RETRY_AFTER_S = 2.0
TOKENS = tokens_of(REPLY)
"""Sixty, six a sentence."""
DOORS = ("speech", "text", "streamed")


@dataclass(frozen=True)
class Case:
    """A fault of the first model and what becomes of it.

    `script` is what its server does, `backup` what the other one does; `alone`: there is no other. `once`: only the
    first call goes wrong, so callers come one after the other. `most` is how often the failing server may be asked for
    one reply. `limit` says which time limit bounds it, where one does.
    """

    name: str
    title: str
    served: Served_by
    script: dict[str, Any]
    where: str = ""
    backup: dict[str, Any] = dataclasses.field(default_factory=dict)
    alone: bool = False
    once: bool = False
    most: int = 1
    limit: Literal["", "first", "stall"] = ""
    codes: Sequence[str] = ("provider_failed",)
    category: str = ""
    repeated: int = 0
    """Tokens that were written twice: they are counted, though they are dropped."""
    complete: bool = False
    """All of it had come: if its last sentence was spoken before the end failed to come, there is nothing to tell."""
    waits_s: float = 0.0
    """The failing server is not asked again sooner than this."""

    def scenario(self) -> Scenario:
        """The same for whoever runs scenarios."""
        return Scenario(self.name, self.title, self.play, self.where, EXPECTED[self.served])

    async def play(self, wall: Wall, callers: Callers, result: Result) -> None:
        """Let it happen to callers on every door, and look at what they got and at what the servers logged."""
        struck = wall["lonely" if self.alone else "primary"]
        wall["backup"].script = dataclasses.replace(wall["backup"].script, **self.backup)
        limit_s = {"first": wall.terms.first_token_s, "stall": wall.terms.token_stall_s}.get(self.limit)
        result.limit_s = limit_s

        async def ask(door: str) -> None:
            struck.script = dataclasses.replace(struck.script, **self.script) if self.once else struck.script
            question = f"{self.name} {self.where} {door} {uuid.uuid4().hex}?"
            got = await _ask(callers, question, door, "quality" if self.alone else "fast")
            self._judge(wall, got, question, result)
            if door == "speech" and got.turn:
                self._book(await wall.record(got.turn), result)

        if self.once:
            for door in DOORS[:1] if self.waits_s and not wall.terms.full else DOORS:
                await ask(door)
                await rested(callers)
        else:
            struck.script = dataclasses.replace(struck.script, **self.script)
            await asyncio.gather(*map(ask, DOORS))

    def _judge(self, wall: Wall, got: Got, question: str, result: Result) -> None:
        """What one caller got, and what the servers know of it."""
        result.runs += 1
        result.note(f"{got.door}: {whole(got)}")
        name = "lonely" if self.alone else "primary"
        calls, backup = wall[name].calls(question), wall["backup"].calls(question)
        result.require(1 <= len(calls) <= self.most, f"{got.door}: {name} was asked {len(calls)} times")
        if self.waits_s and len(calls) > 1:
            result.require(calls[1][0] - calls[0][0] >= self.waits_s, f"{got.door}: asked again too soon")
        if self.served in {"primary", "refused", "failed"}:
            result.require(not backup or self.served == "failed", f"{got.door}: the backup was asked")
        if self.served in {"refused", "failed"}:
            result.require(got.ends == 1 and got.ended in self.codes, f"{got.door}: it ended as {got.ended}")
            result.require(not got.after_end, f"{got.door}: something came behind the end")
            result.require(REPLY.startswith(got.text.strip()), f"{got.door}: the text was {got.text!r}")
        else:
            result.wrong += got.flaws()
            self._labels(got, result)
        self._times(wall.terms, got, result)

    def _labels(self, got: Got, result: Result) -> None:
        """Who wrote it is told, and that it is not as asked."""
        if got.door == "speech":
            reasons = {reason for reason, who in got.degraded if who == "backup"}
            due = {"backup": {"fallback"}, "resumed": {"resumed"}}.get(self.served, set[str]())
            if self.served == "resumed" and self.where == "first":
                due = {"fallback"}  # nothing had been said
            result.require(reasons == due or (self.complete and not reasons), f"speech: told {got.degraded}")
            return
        writer = "lonely" if self.alone else "primary" if self.served == "primary" else "backup"
        result.require(got.model == f"{writer}-1", f"{got.door}: {got.model} is said to have written it")
        count = len(TOKENS) + self.repeated
        result.require(got.tokens == count, f"{got.door}: {got.tokens} tokens are told, not {count}")

    def _times(self, terms: Terms, got: Got, result: Result) -> None:
        """A limit that bounds the fault bounds what a caller waits."""
        waited_s = got.total_s if got.door == "text" else max(got.first_s or got.total_s, got.gap_s)
        result.took(waited_s)
        if result.limit_s is not None:
            bound_s = result.limit_s + terms.grace_s
            result.require(waited_s <= bound_s, f"{got.door}: waited {waited_s:.1f} s, not {bound_s:g} s at most")

    def _book(self, record: Any, result: Result) -> None:
        """The record of the spoken turn says the same."""
        failed: list[ModelAttempt] = [
            attempt for attempt in record.model_attempts if attempt.outcome is AttemptOutcome.FAILED
        ]
        for attempt in failed:
            result.tell(f"{attempt.provider}: {attempt.category}")
        if self.category:
            result.require(failed and failed[0].category == self.category, f"record: {failed}")
        served = {
            "primary": {Served.PRIMARY},
            "backup": {Served.FALLBACK},
            "resumed": {Served.FALLBACK if self.where == "first" else Served.RESUMED},
        }.get(self.served, {Served.FAILED})
        result.require(record.served in served, f"record: served {record.served}")
        models = [(attempt.provider, attempt.model) for attempt in record.model_attempts]
        result.require(all(model == f"{provider}-1" for provider, model in models), f"record: {models}")


EXPECTED: dict[str, str] = {
    "primary": "the whole reply, from the same model",
    "backup": "the whole reply, from the other model",
    "resumed": "the whole reply, finished by the other model",
    "refused": "one clear error; the other model is not asked",
    "failed": "one clear error",
}


async def _ask(callers: Callers, question: str, door: str, profile: str) -> Got:
    if door == "speech":
        return await callers.listen(question, profile)
    return await callers.complete(question, profile, stream=door == "streamed")


def _everywhere(middle: int, make: Callable[[str, int], Case]) -> list[Case]:
    return [make(where, after) for where, after in {"first": 3, "middle": middle, "last": 57}.items()]


LATE = {"delay_s": 20.0}
CUT_AT_40: dict[str, Any] = {"fault": Fault.CUT, "after": 40}


def _before_the_answer() -> list[Case]:
    limited = {"fault": Fault.RATE_LIMIT, "retry_after_s": RETRY_AFTER_S}
    once, busy = {"calls": 1}, {"fault": Fault.SERVER, "status": 503}
    return [
        Case("429-once-alone", "429 with Retry-After: 2, once; there is no other model", "primary", limited | once,
             alone=True, once=True, most=2, category="rate_limit", waits_s=RETRY_AFTER_S),
        Case("429-once", "429 with Retry-After: 2, once", "backup", limited | once, once=True, category="rate_limit"),
        Case("429-for-good", "429 on every call", "backup", {"fault": Fault.RATE_LIMIT}, category="rate_limit"),
        Case("429-for-good-alone", "429 on every call; there is no other model", "failed",
             {"fault": Fault.RATE_LIMIT}, alone=True, most=2, category="rate_limit"),
        Case("500-once-alone", "500 once; there is no other model", "primary", {"fault": Fault.SERVER} | once,
             alone=True, once=True, most=2, category="server"),
        Case("500-once", "500 once", "backup", {"fault": Fault.SERVER} | once, once=True, category="server"),
        Case("503-for-good", "503 on every call", "backup", busy, category="server"),
        Case("reset-once", "the connection is reset, once", "primary", {"fault": Fault.RESET} | once, once=True,
             most=2, category="network"),
        Case("reset", "the connection is reset on every call", "backup", {"fault": Fault.RESET}, most=2,
             category="network"),
        Case("silent", "no answer at all", "backup", {"fault": Fault.SILENT}, limit="first", category="timeout"),
        Case("silent-alone", "no answer at all; there is no other model", "failed", {"fault": Fault.SILENT},
             alone=True, limit="first", codes=("provider_timeout",), category="timeout"),
        Case("late", "the first token after 20 s", "backup", LATE, limit="first", category="timeout"),
        Case("context", "the conversation is too long for the model", "backup", {"context": 5},
             category="bad_request"),
    ]  # fmt: skip


def _within_the_answer() -> list[Case]:
    filtered: dict[str, Any] = {"finish": "content_filter"}
    return [
        *_everywhere(40, lambda where, after: Case("cut", f"cut after {after} of 60 tokens", "resumed",
                     {"fault": Fault.CUT, "after": after}, where, category="truncated")),
        *_everywhere(20, lambda where, after: Case("stall", f"it falls silent after {after} tokens", "resumed",
                     {"fault": Fault.STALL, "after": after}, where, limit="stall", category="timeout")),
        *_everywhere(33, lambda where, after: Case("malformed", f"a malformed chunk before token {after}", "primary",
                     {"malformed": (after,)}, where)),
        Case("no-done", "no [DONE] behind the end", "primary", {"done": False}),
        Case("no-end", "neither [DONE] nor a finish_reason behind the last token", "resumed",
             {"done": False, "finish": None}, complete=True, category="truncated"),
        *_everywhere(33, lambda where, after: Case("filter", f"the content filter stops it after {after} tokens",
                     "refused", filtered | {"tokens": TOKENS[:after]}, where, codes=("content_refused",),
                     category="bad_request")),
        Case("repeats-sentence", "cut at 40 tokens; the other model repeats the last sentence", "resumed", CUT_AT_40,
             backup={"manner": "sentence"}, repeated=4, category="truncated"),
        Case("repeats-everything", "cut at 40 tokens; the other model begins anew", "resumed", CUT_AT_40,
             backup={"manner": "everything"}, repeated=40, category="truncated"),
        Case("refuses-prefill", "cut at 40 tokens; the other model refuses a begun answer (400)", "resumed",
             CUT_AT_40, backup={"refuses_begun": True}, category="truncated"),
    ]  # fmt: skip


CASES = [*_before_the_answer(), *_within_the_answer()]


async def _account(wall: Wall, callers: Callers, result: Result) -> None:
    """What another model wrote is put down to it: in the completion, in the record, and in the metrics."""
    of_model = 'segue_attempts_total{category="%s",outcome="%s",provider="%s",role="model"}'
    samples = (of_model % ("none", "completed", "backup"), of_model % ("server", "failed", "primary"))
    before = [await callers.metric(sample) for sample in samples]
    case = Case("usage", "", "backup", {"fault": Fault.SERVER, "status": 503}, category="server")
    await case.play(wall, callers, result)
    for sample, count in zip(samples, before, strict=True):
        counted = await callers.metric(sample) - count
        result.require(counted == 1, f"{sample} counted {counted:g} of the one spoken turn")


SCENARIOS = [
    *(case.scenario() for case in CASES),
    Scenario(
        "usage",
        "503 on every call: whom the completion, the record and the metrics name, and how many tokens are counted",
        _account,
        expected=EXPECTED["backup"] + ", under its name",
    ),
]
