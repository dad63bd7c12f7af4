"""A live rollout, told again from what was kept of it: the same decisions, to the byte."""

import asyncio
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from segue.cli.main import app
from segue.delivery.rehearsal import rehearse, repeat
from segue.delivery.replay import Export, read_export, replay
from segue.delivery.rollout import Decision
from segue.delivery.status import DECISION
from segue.errors import InvalidRequest
from segue.web.rollout_stream import export
from tests.server import RunningServer, running
from tests.stories.timeline import PLANS, Story, plan_named, telling


async def _lines(story: Story) -> list[str]:
    return [line.decode() async for line in export(await story.store.load(story.plan.name), story.store)]


def exported(story: Story) -> list[str]:
    """What `segue rollout export` prints of a story's rollout."""
    return asyncio.run(_lines(story))


def bytes_of(decisions: list[Decision] | tuple[Decision, ...]) -> list[bytes]:
    """Decisions as they are kept."""
    return [DECISION.dump_json(decision) for decision in decisions]


@pytest.fixture(scope="module")
def eventful() -> Iterator[Story]:
    """A rollout with everything in it: an approval, a pause, a hold for what both suffer, turns that hang, harm."""
    with telling("voice-phase2") as story:
        story.start(reason="a try").flow(16).at("1m").command("approve").at("10m").command("pause", reason="lunch")
        story.at("15m").command("resume").at("50m").both(hanging=0.15)
        story.at("130m").both(hanging=0.0).at("140m").candidate(ttfa_ms=9000, hanging=0.03)
        story.at("220m").expect("rolled back")
        assert {"approved", "paused", "resumed", "held", "advanced"} <= set(story.kinds())
        yield story


def test_the_evidence_gives_the_same_decisions_to_the_byte(eventful: Story) -> None:
    """From its looks, blocks and commands a rollout is decided again: every figure and every sentence is the same."""
    kept = read_export(exported(eventful))
    assert bytes_of(replay(kept).decisions) == bytes_of(eventful.decisions)


def test_the_records_give_the_same_decisions_to_the_byte(eventful: Story) -> None:
    """Counted anew from the records of the turns, in whatever order these are, it is the same as well."""
    kept = read_export(exported(eventful))
    again = repeat(kept, reversed(eventful.records))
    assert bytes_of(again.decisions) == bytes_of(eventful.decisions)
    assert again.candidate > 100


def test_a_second_attempt_is_decided_again_as_well() -> None:
    """What came before an attempt does not change what is decided in it."""
    with telling("voice-phase2") as story:
        story.start().flow(20).command("promote", force=True).command("promote", force=True)
        story.at("10m").candidate(failing=0.9).at("20m").expect("rolled back")
        story.candidate(failing=0.0).command("retry", force=True, reason="mended").at("25m").command("roll back")
        kept = read_export(exported(story))
        assert (kept.rollout.attempt, len(kept.decisions)) == (2, len(story.decisions))
        assert bytes_of(replay(kept).decisions) == bytes_of(story.decisions)


def test_changed_evidence_changes_decisions(eventful: Story) -> None:
    """One block with other counts is enough: what is compared is not just copied."""
    kept = read_export(exported(eventful))
    moments = list(kept.moments)
    number = next(
        number
        for number, moment in enumerate(moments)
        if any(block.series == "ttfa" and block.candidate.bad for block in moment.blocks)
    )
    blocks = tuple(
        replace(block, candidate=replace(block.candidate, bad=0, bad_votes=0)) for block in moments[number].blocks
    )
    moments[number] = replace(moments[number], blocks=blocks)
    other = replace(kept, moments=tuple(moments))
    assert bytes_of(replay(other).decisions) != bytes_of(eventful.decisions)


def test_an_export_with_a_gap_is_refused(eventful: Story) -> None:
    """Without one of its looks nothing can be said about what follows, and that is said."""
    kept = read_export(exported(eventful))
    with pytest.raises(InvalidRequest, match="from version 5 to 6 is missing"):
        replay(Export(kept.rollout, kept.beginning, kept.decisions, kept.moments[:4] + kept.moments[5:]))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no rollout, or no decisions"),
        (["nonsense"], "Line 1 is not of"),
        (['{"kind": "look", "look": {}}'], "Line 1 is not of"),
        (['{"kind": "decision", "decision": {}}'], "Line 1 is not of"),
    ],
)
def test_what_is_no_export_is_refused(lines: list[str], message: str) -> None:
    """A file of something else is told by its first wrong line."""
    with pytest.raises(InvalidRequest, match=message):
        read_export(lines)


def test_another_plan_is_tried_on_the_same_turns(eventful: Story) -> None:
    """Turns that were recorded at 50 % go through a plan of 20 %: so many of the candidate's are left out."""
    half = [record for record in eventful.records if record.stage == 2 and record.arm]
    strict = plan_named("voice-phase2").model_copy(update={"name": "strict"})
    stage = strict.stages[1].model_copy(update={"share": 0.2})
    found = rehearse(strict.model_copy(update={"stages": (stage,)}), half)
    assert found.decisions[-1].gate == "ttfa"
    assert 0.15 < found.candidate / (found.candidate + found.baseline) < 0.25
    assert "thinned out" in found.drawn
    assert found.left_out > found.candidate


TUTORIAL = Path(__file__).parents[2] / "docs/tutorial/first-rollout.md"
QUICK = {
    "voice": {"languages": ["en"]},
    "delivery": {"tick_s": 0.1, "flush_s": 0.1, "poll_s": 0.1, "grace_s": 1.0},
}


def commands() -> list[list[str]]:
    """The `segue` commands of the tutorial, in order, without the program's name."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith(".venv/bin/segue ")]
    return [shlex.split(line)[1:] for line in lines]


class Reader:
    """Somebody who goes through the tutorial, on a server of their own, with less patience and fewer listeners."""

    def __init__(self, server: RunningServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.server, self.folder, self.capsys = server, folder, capsys
        self.number = 0
        shutil.copytree(PLANS, folder / "plans")
        plan = folder / "plans/tutorial.yaml"
        hurried = (
            plan.read_text(encoding="utf-8").replace("dwell: 30s", "dwell: 1s").replace("block: 5s", "block: 500ms")
        )
        plan.write_text(hurried, encoding="utf-8")

    def listen(self, turns: int) -> None:
        """So many listeners take a turn, as in the loop that the tutorial shows."""
        with httpx2.Client(base_url=self.server.url) as client:
            for number in range(self.number, self.number + turns):
                text = {"text": "Your train leaves in three minutes.", "language": "en"}
                answer = client.post("/api/voice/tts", json={**text, "listener": f"listener-{number}"})
                assert answer.status_code == 200, answer.text
        self.number += turns

    def types(self, words: list[str]) -> tuple[int, str]:
        """A command as it stands in the tutorial, but for where the server is and how often something is drawn."""
        words = ["5" if before == "--runs" else word for before, word in pairwise(["", *words])]
        if words[0] == "rollout":
            words = [*words, "--data", str(self.server.data)]
        if words[:2] == ["turns", "export"]:
            words = [*words, "--data", str(self.server.data)]
        code = app(words, exit_on_error=False, print_error=False, result_action="return_value")
        return code or 0, self.capsys.readouterr().out

    def phase(self) -> str:
        """How the rollout stands."""
        found: str = httpx2.get(f"{self.server.url}/api/rollouts/tutorial", headers=self.server.headers).json()["phase"]
        return found


def test_the_tutorial_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command of it works, on a real server, and the rollout is decided again to the byte from its export."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    seen: list[str] = []
    with running(QUICK) as server:
        reader = Reader(server, tmp_path, capsys)
        for words in commands():
            if words[:2] == ["rollout", "watch"]:
                while reader.phase() in ("running", "baking"):
                    assert reader.number < 4000
                    reader.listen(40)
            code, out = reader.types(words)
            assert code == 0, (words, out)
            seen.append(" ".join(words[:2]))
            if words[:2] == ["rollout", "start"]:
                assert "Started with some (20 %)" in out
            if words[:2] == ["rollout", "history"]:
                assert all(word in out for word in ("Advanced to half", "Promoted", "I liked the other one better"))
            if words[:2] == ["rehearse", "--export"]:
                assert "to the byte" in out
    assert seen.count("rollout start") == seen.count("rehearse --export") == seen.count("rollout watch") == 1
    assert len(seen) >= 13
