"""Go or no-go: what stops a release, what somebody may accept, and what the page says of it."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from segue.console.ratelimit import Policy
from segue.operations.ports import Answer
from segue.operations.release import answered, built, refusals, spike
from segue.operations.release.go import CRITERIA, GO, GO_ACCEPTED, NO_GO, verdict
from segue.operations.release.page import page
from segue.operations.release.page_text import markdown
from segue.operations.release.page_web import html
from segue.operations.release.refusals import Attempt
from segue.operations.report import Check, Level, Report, accepted
from segue.operations.watching.scrape import Scrape
from segue.operations.watching.windows import Window

NEEDED = tuple(
    f"{name}segue" if name.endswith(".") else name for criterion in CRITERIA for name in criterion.checks
)  # fmt: skip


def checks(**levels: Level) -> tuple[Check, ...]:
    """Every check that a release needs; `levels` are those of the ones that are not well, dots as `__`."""
    other = {name.replace("__", "."): level for name, level in levels.items()}
    names = dict.fromkeys([*NEEDED, *other])
    return tuple(Check(name, other.get(name, Level.PASS), "It was looked at.") for name in names)


def test_all_that_is_needed_and_holds_is_go() -> None:
    """Then the verdict passes, and every criterion holds."""
    found = verdict(checks())
    assert (found.word, found.reasons, found.check.level) == (GO, (), Level.PASS)
    assert {each.word for each in found.standings} == {"pass"}


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_and_missing_or_not_measured_is_no_go(name: str) -> None:
    """Nothing that a release needs may be left out or unknown, and nobody can accept that by name."""
    unknown = checks(**{name.replace(".", "__"): Level.NOT_MEASURED})
    assert verdict(accepted(unknown, [name])).word == NO_GO
    without = [check for check in checks() if check.name != name]
    assert verdict(without).word == NO_GO
    spared = verdict(without, unneeded={name: "there is one server"})
    assert spared.word == (NO_GO if name == "release.commit.segue" else GO)


def test_a_warning_stops_until_it_is_accepted_by_name() -> None:
    """Also one of the preflight; accepted ones are named in the verdict, which then warns."""
    found = checks(chain__model=Level.WARN)
    assert verdict(found).word == NO_GO
    assert {each.criterion.name for each in verdict(found).standings if each.word == "fail"} == {"preflight"}
    agreed = verdict(accepted(found, ["chain.model"]))
    assert (agreed.word, agreed.accepted, agreed.check.level) == (GO_ACCEPTED, ("chain.model",), Level.WARN)
    assert verdict(accepted(found, ["chain.other"])).word == NO_GO


@pytest.mark.parametrize("level", [Level.FAIL, Level.NO_DATA])
def test_a_failure_stops_whatever_is_accepted(level: Level) -> None:
    """What fails, or has nothing to judge by, cannot be accepted."""
    found = verdict(accepted(checks(chain__model=level), ["chain.model"]))
    assert (found.word, found.check.level) == (NO_GO, Level.FAIL)
    assert len(found.reasons) == 1


CHAT = Policy("chat", 1.0, 8)


def attempts(spent_ms: float, count: int = 13, refused: int = 5) -> list[Attempt]:
    """Messages one after the other, each of which took so long; the last ones were refused."""
    step_us = round(spent_ms * 1000)
    statuses = [202] * (count - refused) + [429] * refused
    return [Attempt(n * step_us, (n + 1) * step_us, status) for n, status in enumerate(statuses)]


def test_what_the_limits_refuse_is_known_to_the_message() -> None:
    """A quick load is refused exactly beyond its burst; a slow one is told between a fewest and a most."""
    assert refusals.expected(attempts(10), [CHAT]) == (5, 5)
    fewest, most = refusals.expected(attempts(160), [CHAT])
    assert fewest <= 4 <= most
    assert refusals.expected(attempts(2000), [CHAT]) == (0, 0)


def test_the_bounds_hold_whenever_the_server_decided() -> None:
    """Wherever between sending and answer each decision fell, what is refused lies within the bounds."""
    tried = attempts(120)
    fewest, most = refusals.expected(tried, [CHAT])
    for early, late in itertools.product((0.0, 0.5, 1.0), repeat=2):
        moments = [
            round(each.sent_us + (early if number % 2 else late) * (each.answered_us - each.sent_us))
            for number, each in enumerate(tried)
        ]
        exact = [Attempt(moment, moment, 202) for moment in moments]
        assert fewest <= refusals.expected(exact, [CHAT])[0] <= most


@pytest.mark.parametrize(
    ("tried", "counted", "levels"),
    [
        (attempts(10), 5.0, ("pass", "pass")),
        (attempts(10, refused=4), 4.0, ("fail", "pass")),
        (attempts(10, refused=6), 6.0, ("fail", "pass")),
        (attempts(10), 0.0, ("pass", "fail")),
        (attempts(10), 10.0, ("pass", "warn")),
        (attempts(10), None, ("pass", "not_measured")),
        ([*attempts(10), Attempt(130_000, 140_000, 500)], 5.0, ("fail", "pass")),
        ([*attempts(10), Attempt(130_000, 140_000, 429, refusals.RUNS)], 5.0, ("pass", "pass")),
    ],
)
def test_refusals_and_their_counter_are_judged(
    tried: list[Attempt], counted: float | None, levels: tuple[str, str]
) -> None:
    """Too few, too many, a server fault, a counter that stands still or moves too far: each is told."""
    found = refusals.judged(tried, [CHAT], counted)
    assert tuple(check.level.value for check in found) == levels


def test_policies_are_those_of_the_header() -> None:
    """The burst is the header's; how many a second, the configuration's, else as many as the window shows."""
    header = '"chat";q=8;w=8, "operator";q=20;w=7'
    assert refusals.policies(header, {"operator": 3.0}) == (CHAT, Policy("operator", 3.0, 20))
    assert refusals.policies("", {}) == ()


def window(restarts: int = 0, **counted: float) -> Window:
    """A minute in which so many requests were answered so, such as `send_200`, `health_503`."""
    routes = {"send": spike.SEND, "health": "/voice/health", "other": "/api/chats"}
    samples = {}
    for name, count in counted.items():
        route, status = name.split("_")
        labels = (("method", "POST"), ("route", routes[route]), ("status", status))
        samples[(spike.REQUESTS, labels)] = count
    return Window(0.0, 60.0, samples, restarts)


@pytest.mark.parametrize(
    ("seen", "statuses", "found"),
    [
        (window(send_200=9, other_200=90), (200, 200), {}),
        (window(send_200=9, health_503=50), (200, 200), {}),
        (window(send_200=9, other_500=1), (200, 200), {"watch.faults": "warn"}),
        (window(send_200=9, other_500=4), (200, 200), {"watch.faults": "fail"}),
        (window(send_200=9, send_500=1), (200, 200), {"watch.faults": "warn", "watch.send": "fail"}),
        (window(send_200=9, send_503=1), (200, 200), {"watch.faults": "warn", "watch.send": "warn"}),
        (window(other_200=9), (200, 200), {"watch.send": "no_data"}),
        (window(), (200, 200), {"watch.faults": "no_data", "watch.send": "no_data"}),
        (window(1, send_200=9), (200, 200), {"watch.restarts": "fail"}),
        (window(send_200=9), (200, 502), {"watch.answers": "fail"}),
        (window(send_200=9), (200, 0), {"watch.answers": "fail"}),
        (window(send_200=9), (200, 429), {"watch.answers": "warn"}),
        (window(send_200=9), (), {"watch.answers": "fail"}),
    ],
)
def test_a_spike_is_seen(seen: Window, statuses: Sequence[int], found: dict[str, str]) -> None:
    """Faults in all, on the way of messages, in front of the server; a restart; and that nothing was asked at all."""
    said = spike.judged([seen] * 5, 5.0, statuses, 2)
    many = spike.judged([replace(seen, ended_s=300.0)], 5.0, statuses, 2)
    assert {check.name: check.level.value for check in many if check.level is not Level.PASS} == found
    assert said[0].level is Level.PASS
    assert spike.judged([seen], 0.5, statuses, 2)[0].level is Level.WARN


def test_a_watch_that_saw_nothing_passes_nothing() -> None:
    """Where metrics could not be read for all or most of the time, neither length nor restarts are told as good."""
    for windows, unseen in (((), {"watch.length", "watch.restarts"}), ([window(send_200=9)], {"watch.length"})):
        said = spike.judged(windows, 5.0, (200,), 1)
        assert {check.name for check in said[:2] if check.level is Level.NO_DATA} == unseen


def scrape(count: float) -> Scrape:
    """Metrics that counted so many looks at its health."""
    return Scrape(0.0, {(spike.REQUESTS, (("route", "/api/health"), ("status", "200"))): count})


def test_metrics_that_stand_still_are_found() -> None:
    """A copy that somebody keeps does not count what is asked; one that cannot be read says so."""
    assert answered.moved(scrape(3), scrape(4)).level is Level.PASS
    assert answered.moved(scrape(3), scrape(3)).level is Level.FAIL
    assert answered.moved("nobody answers", scrape(3)).reason == "nobody answers"


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    """An answer of a server."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, 1.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "messages", "level"),
    [
        (answer(), answer(idempotent_replayed="true"), 1, "pass"),
        (answer(), answer(), 1, "fail"),
        (answer(), answer(body=b"{1}", idempotent_replayed="true"), 1, "fail"),
        (answer(), answer(idempotent_replayed="true"), 2, "fail"),
        (answer(), answer(idempotent_replayed="true"), None, "fail"),
        (answer(), answer(401), 1, "fail"),
        (answer(500), answer(500), 1, "fail"),
    ],
)
def test_a_repetition_must_be_the_same_and_have_no_effect(
    first: Answer, second: Answer, messages: int | None, level: str
) -> None:
    """The same bytes, marked as a replay, and one message there: anything else fails."""
    assert answered.repeated("smoke.idempotency.shared", "b", first, second, messages).level == level


def test_the_audit_is_judged() -> None:
    """Refusals by their status; one sending and its repetitions; a chain with faults, unproven, or unread."""
    assert answered.refused("a", "without a key", 401, 401).level is Level.PASS
    assert answered.refused("a", "without a key", 200, 401).level is Level.FAIL
    done, again = {"actor": "me", "status": "ok"}, {"actor": "me", "status": "replayed"}
    assert answered.written([done, again], "me").level is Level.PASS
    for entries in ([done], [again], [done, done, again], [{**done, "actor": "other"}, again]):
        assert answered.written(entries, "me").level is Level.FAIL
    whole = {"ok": True, "proven": True, "checked": 9, "fault_count": 0, "heads": 1, "from_seq": 1}
    assert answered.verified(whole, "").level is Level.PASS
    assert answered.verified({**whole, "proven": False}, "").level is Level.WARN
    assert answered.verified({**whole, "ok": False, "fault_count": 2}, "").level is Level.FAIL
    assert answered.verified({}, "403").level is Level.NOT_MEASURED
    dry = {"dry_run": True, "would_remove": 2, "left": 7}
    assert answered.rehearsed(dry, "", whole, {"items": [{"seq": 9}]}).level is Level.PASS
    assert answered.rehearsed(dry, "", whole, {"items": [{"seq": 7}]}).level is Level.FAIL
    assert answered.rehearsed({}, "403", whole, {}).level is Level.NOT_MEASURED
    for proof, again_read in ((whole, {}), ({}, {"items": [{"seq": 9}]}), (whole, {"items": []})):
        assert answered.rehearsed(dry, "", proof, again_read).level is Level.NOT_MEASURED


COMMIT = "e75fd33c0ffee"


@pytest.mark.parametrize(
    ("plain", "text", "found"),
    [
        ({"segue": "1.0", "commit": COMMIT}, "", ("1.0", COMMIT)),
        ({"build": {"git_sha": COMMIT, "version": "2"}}, "", ("2", COMMIT)),
        (None, f'router_build_info{{goversion="1",revision="{COMMIT}"}} 1', ("", COMMIT)),
        ({"commit": "unknown", "version": "2"}, "", ("2", "")),
        (None, "404 page not found", ("", "")),
    ],
)
def test_a_service_tells_its_code(plain: Any, text: str, found: tuple[str, str]) -> None:
    """As JSON, at the top or below, or as metrics; without a commit it warns, without anything it is not measured."""
    assert built.build(plain, text) == found
    wanted = Level.PASS if found[1] else Level.WARN if found[0] else Level.NOT_MEASURED
    assert built.known("router", *found, "404").level is wanted


def test_what_is_not_known_of_a_rollback_is_not_measured() -> None:
    """Where to and how long are two questions."""
    assert [check.level.value for check in built.went_back("", None, "")] == ["not_measured", "not_measured"]
    assert [check.level.value for check in built.went_back("v0", None, "")] == ["pass", "not_measured"]
    assert [check.level.value for check in built.went_back("v0", 4.2, "file")] == ["pass", "pass"]


def test_limits_are_those_of_the_configuration() -> None:
    """A file is one server's; what is not known is told as such; and a second server is needed where one may be."""
    alone = {"database": "unset", "rate_limits": {"store": "memory"}, "audit": {"heads": "log"}}
    assert [sentence.split()[0] for sentence in built.limitations(alone)] == ["Everything", "Rate"]
    assert not list(built.limitations({"database": "set"}))
    assert len(list(built.limitations({}))) == 1
    assert [built.needs_second(each) for each in (alone, {"database": "set"}, {})] == [False, True, True]


def report(word: str = GO) -> Report:
    """A report as `segue go` makes it, with letters that a page must not take for its own."""
    found = accepted(checks(chain__model=Level.WARN), ["chain.model"])
    odd = Check("smoke.odd", Level.FAIL, "<script>alert(1)</script> | a\nb")
    facts = {
        "verdict": word,
        "reasons": ["smoke.odd: <b>"],
        "accepted": ["chain.model"],
        "services": {"segue": {"version": "0.1", "commit": COMMIT}},
        "prepared_by": "olha",
        "via": "key:1",
        "criteria": {criterion.name: "pass" for criterion in CRITERIA},
        "load": [{"at_s": 0.0, "took_ms": 5.0, "status": 202}, {"at_s": 0.1, "took_ms": 2.0, "status": 429}],
        "watch": [{"at_s": 1.0, "took_ms": 80.0, "status": 200, "per_s": 3.0, "faults": 0.0}],
        "back_to": "v0",
        "back_s": 4.25,
    }
    return Report("go", "http://a", 1_000_000, 61_000_000, (*found, odd), facts)


def test_the_page_has_every_figure_and_no_foreign_markup() -> None:
    """Versions, people, verdict, checks and plots are on it; what a check says cannot become markup of the page."""
    made = page(report(), "d" * 64)
    text, web = markdown(made), html(made)
    for wanted in (COMMIT, "olha", "chain.model", "v0", "4.2 s", "d" * 64, "1970-01-01 00:01"):
        assert wanted in text
        assert wanted in web
    assert text.startswith("# Release readiness: GO\n")
    assert "\\| a b" in text
    assert "<script" not in web
    assert "&lt;script&gt;" in web
    assert web.count("<svg") == 3
    assert 'class="off"' in web


def test_a_page_of_nothing_says_so() -> None:
    """What was not measured is told in words, never left empty."""
    text = markdown(page(Report("go", "http://a", 0, 1, ()), "d" * 64))
    assert "not measured" in text
    assert "Nothing was sent." in text
