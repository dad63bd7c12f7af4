"""The routes of degradation and of the kill switch, over HTTP, with the real lookout and switch behind them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from segue.clock import ManualClock
from segue.stores.console import MemoryAuditStore
from segue.stores.switch import MemorySwitchStore
from segue.vendors.degradation import DegradationSettings, ProfilesSettings
from segue.voice.lookout import Lookout
from segue.voice.switch import Switch
from segue.web import degradation, problems
from tests.doors import access, actions
from tests.records import broken, turn

SETTINGS = DegradationSettings()
STATUS = "/api/voice/degradation_status"
SWITCH = "/api/voice/switch"


@dataclass
class Door:
    """The routes with what stands behind them, on a clock turned by hand."""

    client: httpx2.AsyncClient
    clock: ManualClock
    lookout: Lookout
    switch: Switch
    audit: MemoryAuditStore

    async def turns(self, count: int, **latencies: float) -> None:
        """So many turns, one a second."""
        for _ in range(count):
            await self.clock.advance(1.0)
            self.lookout.note(turn(**latencies))

    async def get(self, path: str) -> dict[str, Any]:
        """What a path answers."""
        answer = await self.client.get(path)
        assert answer.status_code == 200
        plain: dict[str, Any] = answer.json()
        return plain


def opened(*, enabled: bool = True) -> Door:
    """A door with a kill switch in memory."""
    clock, audit = ManualClock(), MemoryAuditStore()
    lookout = Lookout(clock, SETTINGS, ProfilesSettings(), "fast")
    switch = Switch(enabled, clock, MemorySwitchStore(audit.write))
    app = FastAPI()
    problems.install(app)
    app.include_router(degradation.router(lookout, switch, SETTINGS))
    app.include_router(degradation.turning(switch, access(), actions(clock, audit)))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://segue")
    return Door(client, clock, lookout, switch, audit)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A door that nobody has asked anything yet."""
    door = opened()
    async with door.client:
        yield door


async def test_a_fresh_server_knows_nothing_and_says_so(door: Door) -> None:
    """Before the first thirty turns the state is `unknown`, with the count of what is there."""
    status = await door.get(STATUS)
    assert (status["state"], status["insufficient_data"], status["badges"]) == ("unknown", True, [])
    assert status["axes"]["model"]["next"] == "Judged when 30 turns are in; at most 0 so far."
    assert status["axes"]["model"]["figures"]["ttfa_p95_ms"] == {
        "value": None,
        "n": 0,
        "sufficient": False,
        "limits": {
            "slow": {"over": 5000.0, "left_under": 4000.0},
            "fast": {"over": 8000.0, "left_under": 6400.0},
        },
    }
    assert status["profiles"]["fast"]["ttfa_p95_ms"] == {
        "objective": 5000.0,
        "value": None,
        "n": 0,
        "verdict": "insufficient_data",
    }


async def test_a_slow_server_tells_why_since_when_and_the_way_out(door: Door) -> None:
    """State, badge, remedy, reason with numbers, since, and the next step with how long it was held so far."""
    await door.turns(40, ttfa=2000.0)
    assert (await door.get(STATUS))["state"] == "ok"
    await door.turns(40, ttfa=9000.0)
    status = await door.get(STATUS)
    axis = status["axes"]["model"]
    assert (status["state"], status["axis"], status["badges"]) == ("fast", "model", ["FAST MODE"])
    assert status["remedy"] == {"default_profile": "fast", "forced_profile": "fast", "rotate_synthesizers": False}
    assert axis["reason"] == status["reason"] == "TTFA p95 9,000 ms over 73 turns: over 8,000 ms for 30 s."
    assert status["since"] == status["changes"][0]["at"] == pytest.approx(door.clock.wall() - 7.0)
    assert axis["next"] == "fast is left when TTFA p95 stays under 6,400 ms for 300 s."
    assert status["profiles"]["fast"]["ttfa_p95_ms"]["verdict"] == "missed"
    assert status["profiles"]["fast"]["first_tts_p95_ms"]["verdict"] == "met"

    await door.turns(780, ttfa=1000.0)
    axis = (await door.get(STATUS))["axes"]["model"]
    assert (axis["state"], axis["judgement"]) == ("fast", "leaving")
    assert axis["next"].startswith("fast is left when TTFA p95 stays under 6,400 ms for 300 s; held ")


async def test_an_emergency_tells_how_many_failed(door: Door) -> None:
    """The reason of an emergency counts turns."""
    await door.turns(40)
    for _ in range(30):
        await door.clock.advance(1.0)
        door.lookout.note(broken())
        door.lookout.note(turn())
    await door.turns(10)
    status = await door.get(STATUS)
    assert (status["state"], status["badges"]) == ("emergency", ["EMERGENCY"])
    assert "turns failed (" in status["reason"]


async def test_the_switch_is_turned_and_read(door: Door) -> None:
    """POST turns the switch, GET and the status tell how it stands."""
    assert (await door.get(SWITCH))["enabled"] is True
    answer = await door.client.post(SWITCH, json={"enabled": False, "reason": " a fault "})
    state = answer.json()
    assert (answer.status_code, state) == (
        200,
        {"enabled": False, "since": door.clock.wall(), "reason": "a fault", "by": "olha", "kept": False},
    )
    assert await door.get(SWITCH) == state
    assert (await door.get(STATUS))["switch"] == state
    assert (await door.client.post(SWITCH, json={"enabled": True})).json()["enabled"] is True
    entries = await door.audit.read(after=0, limit=9)
    assert [(entry.action, entry.actor, entry.facts) for entry in entries] == [
        ("switch.turn", "olha", '{"switch":"off"}'),
        ("switch.turn", "olha", '{"switch":"on"}'),
    ]


async def test_the_configuration_wins_over_the_switch() -> None:
    """Where the configuration keeps speech off, turning it on is refused with a problem that names the variable."""
    door = opened(enabled=False)
    async with door.client as client:
        assert (await door.get(SWITCH))["by"] == "configuration"
        answer = await client.post(SWITCH, json={"enabled": True})
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["param"]) == (400, "invalid_request", "enabled")
        assert "VOICE_STREAM_ENABLED" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"enabled": "perhaps"}', "application/json", 400),
        ("{}", "application/json", 400),
        ('{"enabled": false, "force": true}', "application/json", 400),
        ('{"enabled": false, "reason": "%s"}' % ("x" * 501), "application/json", 400),
        ("{", "application/json", 400),
        ('{"enabled": false}', "text/plain", 415),
    ],
)
async def test_a_switch_is_not_turned_by_mistake(door: Door, body: str, content_type: str, status: int) -> None:
    """A body that is not exactly a switch, or that a page of another origin could send unasked, changes nothing."""
    answer = await door.client.post(SWITCH, content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert door.switch.state.enabled
