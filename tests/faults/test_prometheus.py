"""A real Prometheus with the rules as they are written, beside a real Segue whose language model is gone."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from segue.operations.readiness.telemetry import installed
from segue.operations.report import Check, Level
from segue.telemetry.alerts import everything
from segue.telemetry.files import RULES, files
from segue.telemetry.rule import Alert, Group, Links, text
from segue.telemetry.rules import Basis
from segue.wiring.monitoring import monitoring_at
from tests.collector import Collector, collector
from tests.prometheus import RunningPrometheus, prometheus, until
from tests.server import RunningServer, running

BASIS, LINKS = Basis(), Links()
TURNS = 40
SETTINGS = {
    "voice": {"languages": ["en"]},
    "providers": {
        "models": ["gone"],
        "synthesizers": ["scripted"],
        "recognizers": [],
        "named": {"gone": {"vendor": "openai-model", "url": "http://127.0.0.1:9", "model": "m"}},
        "scripted": {"first_audio_s": 0.3},
    },
}
COMPLETED = 'segue_turns_total{outcome="completed"}'


@dataclass(frozen=True)
class Watched:
    """A Segue, and a Prometheus that scrapes it."""

    segue: RunningServer
    prometheus: RunningPrometheus
    traces: Collector

    def checks(self) -> dict[str, Check]:
        """What the check of this Prometheus finds, by name."""
        found = installed(monitoring_at(self.prometheus.url), everything(BASIS), LINKS)
        return {check.name: check for check in found}

    def firing(self, alert: str) -> bool:
        """Whether an alert fires."""
        return self.prometheus.value(f'ALERTS{{alertname="{alert}",alertstate="firing"}}') == 1.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Both, with the rules as they are written, and beside them the same rules with less patience."""
    folder = tmp_path_factory.mktemp("prometheus")
    with collector() as traces, running(SETTINGS | {"telemetry": {"traces": f"{traces.url}/v1/traces"}}) as segue:
        written = files(BASIS, links=LINKS)
        (folder / RULES).write_text(written[RULES], encoding="utf-8")
        (folder / "hasty.yaml").write_text(text(_hasty(everything(BASIS)), LINKS), encoding="utf-8")
        told = written["prometheus.yaml"].replace("127.0.0.1:8002", segue.url.removeprefix("http://"))
        told = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", told)
        told = told.replace(f"  - {RULES}\n", f"  - {RULES}\n  - hasty.yaml\n")
        with prometheus(folder, told) as watching:
            yield Watched(segue, watching, traces)


def _hasty(groups: tuple[Group, ...]) -> list[Group]:
    """The same rules, evaluated every second, that wait for nothing: a test has no ten minutes."""
    return [
        replace(
            group,
            name=f"hasty-{group.name}",
            interval_s=1,
            rules=tuple(replace(rule, for_s=0) if isinstance(rule, Alert) else rule for rule in group.rules),
        )
        for group in groups
        if group.name in ("segue-counts", "segue-quantiles", "segue-turns", "segue-providers")
    ]


def speak(client: httpx2.Client, number: int) -> None:
    """One turn that reads out a text."""
    answer = client.post("/api/voice/tts", json={"text": f"This is sentence number {number}.", "language": "en"})
    assert answer.status_code == 200, answer.text


def ask(client: httpx2.Client, number: int) -> None:
    """One turn that asks the language model, which is gone."""
    answer = client.post("/api/voice/chat/stream", json={"text": f"Question {number}?", "language": "en"})
    assert "error" in answer.text


def together(what: Callable[[httpx2.Client, int], None], segue: RunningServer, count: int) -> None:
    """So many turns, a few at a time."""
    with segue.client() as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: what(client, number), range(count)))


def test_it_has_what_was_written(watched: Watched) -> None:
    """Prometheus scrapes the server, and has every group and rule in this edition; none fails."""
    until(lambda: watched.checks()["telemetry.scraped"].level is Level.PASS, "the server is scraped")
    levels = {name: check.level for name, check in watched.checks().items()}
    assert levels == {
        f"telemetry.{name}": Level.PASS
        for name in ("prometheus", "scraped", "groups", "edition", "rules", "evaluated", "firing")
    }
    other = installed(monitoring_at(watched.prometheus.url), everything(replace(BASIS, head_s=61.0)), LINKS)
    assert {check.name for check in other if check.level is Level.FAIL} == {"telemetry.edition", "telemetry.rules"}


def test_figures_agree_with_the_server(watched: Watched) -> None:
    """The recorded 95th percentile and counts are those of the server's own judgement."""
    together(speak, watched.segue, 1)
    until(lambda: watched.prometheus.value(COMPLETED) == 1.0, "the first turn is seen")
    together(speak, watched.segue, TURNS)
    until(lambda: watched.prometheus.value(COMPLETED) == TURNS + 1, "all turns are seen")
    over = 'profile:segue_turns_over:increase10m{profile="fast"}'
    # What Prometheus adds for the time before the next scrape is less with every scrape.
    until(lambda: 0.95 <= (watched.prometheus.value(over) or 0.0) / TURNS <= 1.15, "the counts are recorded")
    assert watched.prometheus.value('profile:segue_turns_slow:increase10m{profile="fast"}') == 0.0
    p95_s = until(
        lambda: watched.prometheus.value('profile:segue_ttfa_seconds:p95_10m{profile="fast"}'), "there is a percentile"
    )
    own = sorted(record["marks"]["first_sent"] for record in watched.segue.records())
    assert p95_s == pytest.approx(own[int(0.95 * len(own))] / 1000.0, rel=0.15)


def test_an_alert_fires_when_the_model_is_gone(watched: Watched) -> None:
    """Turns fail because nobody can write: the failures, and the provider that rests, are told of."""
    together(ask, watched.segue, TURNS)
    for alert in ("SegueTurnsFailing", "SegueProviderResting", "SegueNobodyServes"):
        until(lambda alert=alert: watched.firing(alert), f"{alert} fires")
    firing = watched.checks()["telemetry.firing"]
    assert firing.level is Level.FAIL
    assert "SegueTurnsFailing" in firing.reason


def test_turns_are_traced_under_their_caller(watched: Watched) -> None:
    """A turn is its caller's child, and each sentence the turn's; no text is in any span that ever came."""
    asked = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with watched.segue.client() as client:
        body = {"text": "Nobody may read this sentence.", "language": "en"}
        client.post("/api/voice/tts", json=body, headers={"traceparent": asked})

    def of_it() -> list[Any]:
        return [span for span in watched.traces.spans if span.trace_id.hex() == asked.split("-")[1]]

    until(lambda: len(of_it()) == 2, "its spans came")
    turn, spoken = sorted(of_it(), key=lambda span: span.name, reverse=True)
    assert (turn.name, turn.parent_span_id.hex()) == ("turn speech", asked.split("-")[2])
    assert (spoken.name, spoken.parent_span_id) == ("speak scripted", turn.span_id)
    assert turn.start_time_unix_nano <= spoken.start_time_unix_nano < spoken.end_time_unix_nano
    assert spoken.end_time_unix_nano <= turn.end_time_unix_nano + 1_000_000
    assert "Nobody may read" not in str(watched.traces.spans)
    assert "sentence number" not in str(watched.traces.spans)


def test_every_line_of_a_turn_has_its_request(watched: Watched) -> None:
    """Each line that is logged on the way of a turn has the id of its request; no text and no key is in any line."""
    with watched.segue.client() as client:
        body = {"text": "Nobody may read this question.", "language": "en"}
        client.post("/api/voice/chat/stream", json=body, headers={"x-request-id": "asked-by-name"})

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(watched.segue.log)]

    (over,) = until(
        lambda: [
            each for each in lines() if each["event"] == "turn over" and each.get("request_id") == "asked-by-name"
        ],
        "its line came",
    )
    of_turn = [each for each in lines() if each.get("turn") == over["turn"]]
    assert {each["event"] for each in of_turn} >= {"turn failed", "turn over"}
    assert {each["request_id"] for each in of_turn} == {"asked-by-name"}
    assert all("at" in each and "level" in each for each in lines())
    whole = "\n".join(watched.segue.log)
    for secret in ("Nobody may read", "sentence number", "Question", watched.segue.key):
        assert secret not in whole


def test_a_prometheus_that_is_not_there_is_told() -> None:
    """Nobody answering is a failure with what to do, and so is something else that answers."""
    (check,) = installed(monitoring_at("http://user:secret@127.0.0.1:9"), everything(BASIS), LINKS)
    assert check.level is Level.FAIL
    assert "127.0.0.1:9" in check.reason
    assert "secret" not in check.reason
    assert check.hint


def test_a_page_that_is_no_prometheus_is_told(watched: Watched) -> None:
    """A server that answers without being a Prometheus is a failure that says so."""
    (check,) = installed(monitoring_at(watched.segue.url), everything(BASIS), LINKS)
    assert check.level is Level.FAIL
    assert httpx2.URL(watched.segue.url).host in check.reason
