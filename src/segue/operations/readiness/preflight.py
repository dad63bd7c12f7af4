"""Everything that can be known before a release: the machine, the configuration, what is kept, and a running server.

What can be gathered on the machine itself comes as `Ground`; what a running server says is asked for here. Nothing is
changed by looking, but that reading the audit leaves an entry in it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

from segue.clock import Clock
from segue.errors import Unavailable
from segue.operations.copying.holdings import Holdings, of_holdings
from segue.operations.ports import Answer, Asking
from segue.operations.readiness import doors
from segue.operations.readiness.lineup import PINS, ROLES, Lineup, Voice, of_lineup, post, slug
from segue.operations.readiness.machine import Machine, of_machine
from segue.operations.report import Check, Level

LIMIT_S = 20.0
"""A door that takes longer has failed."""
PAGES = 50
"""Pages of a list that are read at most."""
ONLY: Mapping[str, tuple[str, ...]] = {"pocketsphinx": ("en",)}
"""What a recognizer hears whose languages are no matter of the settings; a server tells those of all together."""
_BESIDE: Mapping[str, str] = {
    "/voice/health": "",
    "/api/voice/voices": "voice.list",
    "/api/voice/characters": "character.list",
}
"""Doors that tell of providers too, and the check of one that stays shut; the health is judged by itself."""
Tell = Callable[[int, int, str], None]
"""Told how much is done of how much, and what is next."""
Reach = Callable[[Mapping[str, str]], Mapping[str, tuple[str, float, str]]]
"""By provider: how its address, given as `/api/providers` tells it, can be reached from here."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What was gathered on the machine of a server, whether it runs or not."""

    fault: str = ""
    """What is wrong with the configuration; empty where it can be read and fits."""
    lineup: Lineup | None = None
    """Its providers; None where the server runs, and says better itself."""
    machine: Machine | None = None
    holdings: Holdings | None = None
    plans: Mapping[str, str] = field(default_factory=dict)
    """By file of a plan: what is wrong with it; empty where nothing is."""
    chain: Mapping[str, Any] | None = None
    """What came of verifying the audit; None where the server runs, and does so itself."""


def quiet(done: int, total: int, what: str = "") -> None:
    """Tell nobody."""
    del done, total, what


def preflight(
    asking: Asking | None,
    clock: Clock,
    *,
    ground: Ground | None = None,
    reach: Reach | None = None,
    watched: Callable[[], Iterable[Check]] | None = None,
    pins: Mapping[str, str] = PINS,
    tell: Tell = quiet,
) -> tuple[Check, ...]:
    """Everything there is to say, from the ground up.

    `asking` is a running server, or None before there is one. `reach` tries the addresses of providers, where they can
    be tried from here. `watched` asks the Prometheus that is to watch the server. `pins` is the version of its library
    that each vendor must have.
    """
    checks = list(of_ground(ground, pins)) if ground is not None else []
    if asking is not None:
        checks += _of_server(asking, clock, reach, pins, tell)
    if watched is not None:
        checks += watched()
    elif asking is not None:
        told = "No Prometheus was named: whether it scrapes the server, and has its alerts, is not known."
        checks.append(Check("telemetry.prometheus", Level.NOT_MEASURED, told, hint="Name it with --prometheus."))
    return tuple(checks)


def of_ground(ground: Ground, pins: Mapping[str, str] = PINS) -> Iterator[Check]:
    """What is to be said of what was gathered on the machine."""
    if ground.fault:
        hint = "`segue schema` shows every setting."
        yield Check("config.fits", Level.FAIL, ground.fault, hint=hint)
    else:
        yield Check("config.fits", Level.PASS, "The configuration can be read, and its parts fit together.")
    if ground.machine is not None:
        yield from of_machine(ground.machine)
    if ground.holdings is not None:
        yield from of_holdings(ground.holdings)
    if ground.chain is not None and ground.holdings is not None and not ground.holdings.database.failure:
        yield doors.of_audit(ground.chain)
    if ground.lineup is not None:
        yield from of_lineup(ground.lineup, pins)
    for file, fault in ground.plans.items():
        check = f"plan.{slug(file.removesuffix('.yaml'))}"
        if fault:
            yield Check(check, Level.FAIL, fault, hint=f"`segue plan check {file}` says more.")
        else:
            yield Check(check, Level.PASS, f"{file} is a valid plan.")


def _of_server(
    asking: Asking, clock: Clock, reach: Reach | None, pins: Mapping[str, str], tell: Tell
) -> Iterator[Check]:
    """What a running server says. Each door is asked on its own, so that one that fails hides no other."""
    began = clock.wall()
    health = _fetched(asking, "/api/health")
    if isinstance(health, str):
        yield Check("server.health", Level.FAIL, health, hint="Start it with `segue serve`.")
        return
    yield doors.of_health(health.status, health.plain())
    yield doors.of_clock(_moment(health.headers.get("date", "")), (began + clock.wall()) / 2)
    steps = _steps(asking, clock, reach, pins)
    for number, (path, step) in enumerate(steps):
        tell(number, len(steps), path)
        yield from _understood(path, step)
    tell(len(steps), len(steps), "")


def _understood(path: str, step: Callable[[], Iterable[Check]]) -> tuple[Check, ...]:
    """What a step finds; where its door answers in another form, that there is nothing to judge by."""
    try:
        return tuple(step())
    except (AttributeError, KeyError, TypeError, ValueError):
        told = f"{path} answers in a form that this Segue does not know."
        hint = "Ask with the version that the server has, or look what stands between."
        return (Check(f"door.{slug(path.strip('/'))}", Level.NO_DATA, told, hint=hint),)


def _steps(
    asking: Asking, clock: Clock, reach: Reach | None, pins: Mapping[str, str]
) -> list[tuple[str, Callable[[], Iterable[Check]]]]:
    """Each door, and what is made of its answer."""

    def one(
        check: str, path: str, judge: Callable[[Any], Iterable[Check]]
    ) -> tuple[str, Callable[[], Iterable[Check]]]:
        return path, lambda: _asked(asking, check, path, judge)

    def listed(
        check: str, path: str, judge: Callable[[list[Any]], Iterable[Check]]
    ) -> tuple[str, Callable[[], Iterable[Check]]]:
        return path, lambda: _all(asking, check, path, judge)

    return [
        ("/api/ready", lambda: _ready(asking)),
        ("/voice/health", lambda: _voice(asking)),
        ("/metrics", lambda: _metrics(asking)),
        ("/api/providers", lambda: _lineup(asking, reach, pins)),
        one("voice.switch", "/api/voice/switch", lambda plain: [doors.of_switch(plain)]),
        one("voice.degradation", "/api/voice/degradation_status", lambda plain: [doors.of_degradation(plain)]),
        listed("rollout.list", "/api/rollouts", lambda items: _rollouts(asking, items)),
        listed("access.keys", "/api/keys", lambda items: doors.of_keys(items, clock.wall())),
        one("audit.chain", "/api/audit/verification", lambda plain: [doors.of_audit(plain)]),
        one("evidence.canary", "/api/operations", lambda plain: [doors.of_operations(plain["items"], clock.wall())]),
    ]


def _ready(asking: Asking) -> Iterable[Check]:
    answer = _fetched(asking, "/api/ready")
    if isinstance(answer, str):
        return [Check("server.ready", Level.FAIL, answer)]
    plain = answer.plain()
    return doors.of_readiness(answer.status, plain if isinstance(plain, Mapping) else {})


def _voice(asking: Asking) -> Iterable[Check]:
    answer = _fetched(asking, "/voice/health")
    plain = None if isinstance(answer, str) else answer.plain()
    if not isinstance(plain, Mapping) or "status" not in plain:
        return [Check("server.voice", Level.FAIL, "/voice/health does not say how it is.")]
    return [doors.of_voice(plain)]


def _metrics(asking: Asking) -> Iterable[Check]:
    answer = _fetched(asking, "/metrics")
    if isinstance(answer, str):
        return [Check("server.metrics", Level.FAIL, answer)]
    return [doors.of_metrics(answer.status, answer.text)]


def _lineup(asking: Asking, reach: Reach | None, pins: Mapping[str, str]) -> Iterable[Check]:
    """The providers as the server tells of them, with their voices and the characters."""
    providers = _fetched(asking, "/api/providers")
    if isinstance(providers, str) or not providers.ok:
        return [_no("provider.list", "/api/providers", providers)]
    told: dict[str, Mapping[str, Any]] = {}
    shut: list[Check] = []
    for path, check in _BESIDE.items():
        answer = _fetched(asking, path)
        plain = answer.plain() if isinstance(answer, Answer) and (answer.ok or not check) else None
        told[path] = plain if isinstance(plain, Mapping) else {}
        if check and not isinstance(plain, Mapping):
            shut.append(_no(check, path, answer))
    plain = providers.plain()
    health = told["/voice/health"]
    lineup = lineup_of(
        plain["items"],
        plain["chains"],
        health.get("languages", ()),
        told["/api/voice/voices"].get("items", ()),
        told["/api/voice/characters"].get("items", ()),
    )
    heard = tuple(health.get("recognition", {}).get("languages", ()))
    recognizers = {item["name"]: item["vendor"] for item in plain["items"] if item["role"] == "recognizer"}
    lineup = replace(lineup, hears={name: ONLY.get(vendor, heard) for name, vendor in recognizers.items()})
    if reach is not None:
        lineup = replace(lineup, reached=reach({post(item): str(item["place"]) for item in plain["items"]}))
    return (*shut, *of_lineup(lineup, pins))


def lineup_of(
    items: Iterable[Mapping[str, Any]],
    chains: Mapping[str, Any],
    languages: Iterable[str],
    voices: Iterable[Mapping[str, Any]],
    characters: Iterable[Mapping[str, Any]],
) -> Lineup:
    """The providers as a server tells of them: what `/api/providers`, the voices and the characters say."""
    orders = {role: chains.get(f"{role}s", ()) for role in ROLES}
    return Lineup(
        items=tuple(items),
        chains={role: _names(order) for role, order in orders.items()},
        languages=tuple(languages),
        voices=tuple(Voice(each["name"], each["provider"], tuple(each["languages"])) for each in voices),
        characters={each["key"]: each["voices"] for each in characters},
    )


def _names(order: Any) -> tuple[str, ...]:
    """A chain, or all that are in one for a profile."""
    orders = order.values() if isinstance(order, Mapping) else [order]
    return tuple(dict.fromkeys(name for names in orders for name in names))


def _rollouts(asking: Asking, items: list[Any]) -> Iterable[Check]:
    live = [item for item in items if item["phase"] in doors.LIVE]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda item: _fetched(asking, f"/api/rollouts/{item['name']}"), live))
    statuses = [answer.plain() for answer in answers if isinstance(answer, Answer) and answer.ok]
    if statuses or not live:
        yield from doors.of_rollouts(statuses)
    for item, answer in zip(live, answers, strict=True):
        if isinstance(answer, str) or not answer.ok:
            yield _no(f"rollout.{slug(item['name'])}.controller", f"/api/rollouts/{item['name']}", answer)


def _asked(asking: Asking, check: str, path: str, judge: Callable[[Any], Iterable[Check]]) -> Iterable[Check]:
    answer = _fetched(asking, path)
    if isinstance(answer, str) or not answer.ok:
        return [_no(check, path, answer)]
    return list(judge(answer.plain()))


def _all(asking: Asking, check: str, path: str, judge: Callable[[list[Any]], Iterable[Check]]) -> Iterable[Check]:
    """All of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    for _ in range(PAGES):
        answer = _fetched(asking, f"{path}?limit=100{cursor}")
        if isinstance(answer, str) or not answer.ok:
            return [_no(check, path, answer)]
        plain = answer.plain()
        items += plain["items"]
        if not plain["next"]:
            break
        cursor = f"&cursor={plain['next']}"
    return list(judge(items))


def _fetched(asking: Asking, path: str) -> Answer | str:
    """What a door answers, or why nobody does."""
    try:
        return asking.fetch("GET", path, limit_s=LIMIT_S)
    except Unavailable as error:
        return error.message


def _no(check: str, path: str, answer: Answer | str) -> Check:
    if isinstance(answer, str):
        return Check(check, Level.FAIL, answer, hint="Look at the log of the server.")
    return doors.refused(check, path, answer.status, answer.plain())


def _moment(date: str) -> float | None:
    """Unix seconds of the header, in the middle of the second that it names; None where it cannot be read."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5
    except (TypeError, ValueError):
        return None
