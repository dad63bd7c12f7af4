"""The commands of delivery: plans and gates without a server, rollouts of a real one, watching to each end."""

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from segue.cli import commanding, gate, plan, rollout, watch
from segue.cli.asking import Event, Refusal, Server, Where
from segue.cli.commanding import Words
from segue.cli.following import INCONCLUSIVE, PROMOTED, ROLLED_BACK, TIMED_OUT, as_json, followed, in_lines, watched
from segue.errors import InvalidRequest, Unavailable
from tests.rollouts import QUICK, started, until
from tests.rollouts import plan as plain
from tests.server import RunningServer, admin, clean_environment, running

PLANS = Path(__file__).parents[2] / "plans"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A plan in a file."""
    written = tmp_path / "greeting.yaml"
    written.write_text(json.dumps(plain("greeting"), indent=1), encoding="utf-8")  # JSON is YAML
    return written


def commanded(address: str, verb: str, **body: Any) -> None:
    """Command something by the API."""
    answer = httpx2.post(f"{address}/{verb}", json=body, headers=admin(address))
    assert answer.status_code == 200, answer.text


@contextmanager
def watching(server: RunningServer, name: str, **how: Any) -> Iterator[list[int]]:
    """Watch meanwhile, in a thread; the exit code is in the list once the block is over."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(rollout.watch(name, where=Where(data=server.data), **how)))
    thread.start()
    yield codes
    thread.join(60)
    assert not thread.is_alive()


def shown(what: Any) -> str:
    """What a person sees of it in a terminal of a hundred columns."""
    console = Console(file=io.StringIO(), width=100, highlight=False)
    console.print(what)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


# Plans and gates, without a server.


def test_every_plan_of_the_project_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    """`segue plan check` accepts the plans that ship, and tells each stage's duration and listeners."""
    files = sorted(PLANS.glob("*.yaml"))
    assert files
    for each in files:
        assert plan.check(each, turns_per_s=5) == 0
    told = capsys.readouterr().out
    assert "lasts about" in told
    assert "passes: " in told


def test_a_wrong_plan_is_told_with_line_and_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused with file, line, place and remedy, before anything is printed; as JSON it is exit code 1."""
    wrong = tmp_path / "wrong.yaml"
    text = (PLANS / "voice-phase2.yaml").read_text(encoding="utf-8").replace("share: 50%", "share: 50")
    wrong.write_text(text, encoding="utf-8")
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "share: 50" in each.split("#")[0])
    with pytest.raises(InvalidRequest) as refused:
        plan.check(wrong)
    assert refused.value.message.startswith(f"{wrong}, line {line}, stages[3].share: 50 is no share; ")
    assert capsys.readouterr().out == ""
    assert plan.check(wrong, json_=True) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["line"] == line


def test_a_stage_that_cannot_be_proved_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With too little traffic the plan is refused, with the stage, the gate, and what is missing; also as JSON."""
    with pytest.raises(InvalidRequest, match=r"stages\.half: ttfa needs at least 36 turns of the candidate"):
        plan.check(file, turns_per_s=0.0001)
    capsys.readouterr()
    assert plan.check(file, turns_per_s=0.0001, json_=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["problems"][0]["where"]) == (False, "stages.half")
    assert plan.check(file, json_=True) == 0
    with pytest.raises(InvalidRequest, match="how many turns begin in a second"):
        plan.check(file, turns_per_s=0)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        plan.check(Path("/nowhere.yaml"))


def test_a_plan_is_shown_with_its_stages_gates_and_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """`segue plan show` has a row for each stage and gate, and says what a rollback claims."""
    plan.show(PLANS / "chirp3-staging.yaml")
    told = " ".join(capsys.readouterr().out.split())
    for words in ("pip-boy-tenth 10 % characters pip_boy", "bake 95 %", "drop cohort", "a chance of at most 2 %"):
        assert words in told


def test_the_schema_of_a_plan_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`segue plan schema` prints JSON Schema."""
    plan.schema()
    assert "stages" in json.loads(capsys.readouterr().out)["properties"]


def test_a_gate_is_sized_before_it_is_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    """`segue gate plan` tells how many turns pass it, and how many blocks, turns and bad turns break it."""
    gate.plan(at_most="5%", turns_per_s=5, share_="5%", json_=True)
    told = json.loads(capsys.readouterr().out)
    assert [row["turns"] for row in told["pass"]] == [36, 63, 84, 102, 136, 183]
    assert told["pass"][0]["after_s"] == 36 / 0.25
    (whole,) = [row for row in told["breach"] if row["bad"] == 1.0]
    assert (whole["blocks"], whole["after_s"], whole["turns"]) == (3, 180.0, 45)
    blocks = [row["blocks"] for row in told["breach"]]
    assert blocks == sorted(blocks, reverse=True)

    gate.plan(at_most="5%", bad="5%")
    assert "never" in capsys.readouterr().out
    for wrong in (
        {"at_most": "5"},
        {"at_most": "0%"},
        {"at_most": "5%", "block": "soon"},
        {"at_most": "5%", "tolerance": 1},
    ):
        with pytest.raises(InvalidRequest):
            gate.plan(**wrong)


# Rollouts of a server.


def test_a_rollout_is_started_commanded_and_told(
    hurried: RunningServer,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each command prints what was decided; status, list, history and export tell of it, for people and programs."""
    monkeypatch.setenv("SEGUE_KEY", hurried.made("olha", "read", "rollout:write"))
    where = Where(url=hurried.url)
    words = Words(reason="We try it.", where=where)
    rollout.start(file, words=words)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Started with half (50 %) by olha: We try it."
    assert second == f"Watch it: segue rollout watch greeting --url {hurried.url}"
    for command in (commanding.pause, commanding.resume, commanding.freeze, commanding.thaw, commanding.approve):
        command("greeting", words=words)
    commanding.promote("greeting", words=words)
    commanding.step_back("greeting", words=Words(where=where, json_=True))
    told = capsys.readouterr().out
    for sentence in (
        "Paused by olha: We try it.",
        "Resumed by olha",
        "Frozen by olha",
        "Thawed by olha",
        "was approved by olha",
    ):
        assert sentence in told
    assert json.loads(told[told.index("{") :])["status"]["stage"]["name"] == "half"

    rollout.list_(where=where)
    assert "greeting  attempt 1  running" in capsys.readouterr().out
    rollout.status("greeting", where=where)
    told = capsys.readouterr().out
    assert "Stage 1 of 2 (half): 50 % hear new." in " ".join(told.replace("│", " ").split())
    assert "GATE" in told
    with pytest.raises(Refusal, match="first stage"):
        commanding.step_back("greeting", words=words)
    commanding.rollback("greeting", words=words)
    commanding.retry("greeting", words=words)
    commanding.rollback("greeting", words=words)
    capsys.readouterr()

    rollout.history("greeting", attempt=1, where=where, json_=True)
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert (kinds[0], kinds[-1]) == ("started", "rolled_back")
    rollout.history("greeting", where=where)
    assert "retried" in capsys.readouterr().out
    out = tmp_path / "greeting.ndjson"
    rollout.export("greeting", attempt=1, out=out, where=where)
    rollout.export("greeting", attempt=1, where=where)
    told = capsys.readouterr().out
    assert told == f"{out}: {len(out.read_text().splitlines())} lines\n{out.read_text()}"
    assert json.loads(out.read_text().splitlines()[0])["kind"] == "plan"


def test_without_a_server_a_command_is_one_sentence(file: Path) -> None:
    """Nobody listens there: that is said with what to do, whatever was asked."""
    nowhere = Where(url="http://127.0.0.1:1")
    words = Words(where=nowhere)
    for ask in (
        lambda: rollout.list_(where=nowhere),
        lambda: rollout.start(file, words=words),
        lambda: rollout.watch("greeting", where=nowhere),
        lambda: commanding.rollback("greeting", words=words),
    ):
        with pytest.raises(Unavailable, match=r"^No Segue answers at http://127\.0\.0\.1:1 \(.*`segue serve`"):
            ask()


def test_an_unknown_rollout_is_told(hurried: RunningServer) -> None:
    """Whatever is asked of it, the server's own sentence is passed on."""
    for ask in (rollout.status, rollout.watch, rollout.history, rollout.export):
        with pytest.raises(Refusal, match="There is no rollout 'nobody'"):
            ask("nobody", where=Where(data=hurried.data))


# Watching.


def test_watching_ends_with_2_when_it_is_rolled_back(hurried: RunningServer) -> None:
    """As a process: lines for each decision as it is made, and exit code 2."""
    with started(hurried, "harmful") as address:
        where = ("--data", str(hurried.data))
        command = [sys.executable, "-m", "segue.cli.main", "rollout", "watch", "harmful", *where]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as process:
            assert process.stdout is not None
            assert "admin: Started with half (50 %) by admin." in process.stdout.readline()
            commanded(address, "rollback", reason="It sounds hoarse.")
            told, _ = process.communicate(timeout=60)
        assert process.returncode == ROLLED_BACK
        assert "admin: Rolled back by admin: It sounds hoarse." in told
        last = told.splitlines()[-1]
        assert last.startswith("Everybody hears ")
        assert last.endswith(" Rolled back by admin: It sounds hoarse.")


def test_watching_ends_with_0_when_it_is_promoted(hurried: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` each status is a line, the last one that of the promotion."""
    with started(hurried, "good") as address, watching(hurried, "good", json_=True) as codes:
        commanded(address, "promote", full=True, force=True)
    assert codes == [PROMOTED]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["phase"] == "promoted"


def test_watching_ends_with_4_when_the_time_is_over(hurried: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A rollout that goes on longer than anybody wants to watch is told as it stands."""
    with started(hurried, "long"):
        assert rollout.watch("long", where=Where(data=hurried.data), timeout="300ms") == TIMED_OUT
        assert "Stage 1 of 2 (half)" in capsys.readouterr().err
        with pytest.raises(InvalidRequest, match="no duration"):
            rollout.watch("long", where=Where(data=hurried.data), timeout="soon")


def test_watching_ends_with_3_when_a_person_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    """A hold ends it, and so does a server that has gone for good; both are inconclusive."""
    held = {**STATUS, "phase": "held", "sentence": "Stage 1 of 2 (half). Held."}
    events = [Event("status", STATUS), Event("decision", DECISION, "1/1"), Event("status", held)]
    assert watched(iter(events), in_lines()) == INCONCLUSIVE
    assert capsys.readouterr().out.splitlines()[-1] == "Stage 1 of 2 (half). Held."

    def gone() -> Iterator[Event]:
        yield Event("status", STATUS)
        raise Unavailable("No Segue answers.")

    assert watched(gone(), as_json) == INCONCLUSIVE
    assert "the server has ended. No Segue answers." in capsys.readouterr().err


def test_a_stream_that_breaks_off_is_taken_up_again() -> None:
    """A server that comes back is followed on from the last decision that was heard; one that does not has ended."""
    asked: list[str] = []

    class Restarted(Server):
        """A server whose streams end after each event."""

        def events(self, path: str, *, after: str = "", limit_s: float = 0.0) -> Iterator[Event]:
            """One event, then the end; the third time nobody answers."""
            del path, limit_s
            asked.append(after)
            if len(asked) > 2:
                raise Unavailable("No Segue answers.")
            yield Event("decision", DECISION, f"1/{len(asked)}")

    heard = followed(Restarted(Where(url="http://127.0.0.1:1")), "long", None, patience_s=0.6)
    assert [next(heard).id, next(heard).id] == ["1/1", "1/2"]
    with pytest.raises(Unavailable):
        next(heard)
    assert asked[:3] == ["", "1/1", "1/2"]


def test_a_server_that_ends_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Who follows keeps no server from stopping cleanly; after some patience watching ends as inconclusive."""
    with running(QUICK) as server:
        answer = httpx2.post(f"{server.url}/api/rollouts", json={"plan": plain("left")}, headers=server.headers)
        assert answer.status_code == 201
        events = followed(Server(Where(data=server.data)), "left", None, patience_s=0.5)
        assert next(events).kind == "decision"
    assert not [line for line in server.log if '"level": "error"' in line]
    assert watched(events, as_json) == INCONCLUSIVE
    assert "the server has ended" in capsys.readouterr().err


def test_a_rollout_is_drawn_with_everything_that_matters(hurried: RunningServer) -> None:
    """The block has the sentence, both shares, the stages, a row for each gate with its word, doubts, and decisions."""
    with started(hurried, "drawn") as address:
        status = until(lambda: (now := httpx2.get(address, headers=admin(address)).json())["last"] and now)
    status["gates"][0] |= {
        "word": "breach", "value": 0.391, "low": 0.3, "high": 0.48, "n": 97, "baseline_value": 0.02,
        "evidence": 1240.0, "line": 200.0,
    }  # fmt: skip
    status["gates"][1] |= {"word": "wait", "missing": 120}
    status["doubts"] = [{"code": "stale", "reason": "No turn for 12 min.", "gate": ""}]
    status["realised"] = {"candidate": 49, "baseline": 51, "share_bp": 4900}
    told = shown(watch.block(status, [DECISION]))

    for words in (
        "Stage 1 of 2 (half): 50 % hear new.",
        "share 50 %, realised 49 % (49 of 100 listeners)",
        "● half 50 %",
        "○ all 100 % (approval)",
        "GATE",
        "BASELINE",
        "39.1 % (30 to 48)",
        "1,240 of 200",
        "✖ breach",
        "about 120 more",
        "! No turn for 12 min.",
        "Paused by ivan.",
    ):
        assert words in told, words


STATUS: dict[str, Any] = {
    "name": "long", "attempt": 1, "phase": "running", "share_bp": 5000, "sentence": "Stage 1 of 2 (half).",
    "stage": {"name": "half"},
}  # fmt: skip
DECISION: dict[str, Any] = {"number": 1, "at": 1_800_000_000.0, "actor": "ivan", "reason": "Paused by ivan."}
