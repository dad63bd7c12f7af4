"""The release day of a server: preflight, smoke, load, watch, rollback, and what they come to.

Each step is asked of running servers; what cannot be asked is told as not measured, and stops the release.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.clock import Clock
from segue.operations.ports import Asking
from segue.operations.release import built, go
from segue.operations.release.load import Tell, loaded, watched
from segue.operations.release.smoke import Wait, audit, basics, idempotency
from segue.operations.release.visit import Visit, fetched, told, visiting
from segue.operations.report import Check, accepted

SPARE_S = 1800.0
"""The keys of the visit are good for so long besides the watch."""
Steps = Callable[[], Iterable[Check]]


@dataclass(frozen=True, slots=True)
class Past:
    """The newest rollback that was tried, as its evidence tells."""

    to: str = ""
    took_s: float | None = None
    source: str = ""
    """The file of evidence."""
    why_not: str = ""
    """Why nothing is known of one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be released, and how it is looked at."""

    a: Asking
    b: Asking | None
    minutes: float
    preflight: Steps
    """Gives the checks of the preflight."""
    services: Mapping[str, tuple[Asking, str]] = field(default_factory=dict)
    """Others that belong to the release, and the path under which each tells its version."""
    back_to: str = ""
    past: Past = Past()
    accept: tuple[str, ...] = ()
    keyless: bool = True
    """Whether the first server can be asked without a key."""


class Release:
    """One run. `nonce` tells it from others; `wait` waits so many seconds."""

    def __init__(self, plan: Plan, clock: Clock, nonce: str, wait: Wait, tell: Tell) -> None:
        self._plan = plan
        self._clock = clock
        self._nonce = nonce
        self._wait = wait
        self._tell = tell
        self._load: list[dict[str, Any]] = []
        self._watch: list[dict[str, Any]] = []

    def run(self) -> tuple[tuple[Check, ...], dict[str, Any]]:
        """All of it; the checks with the verdict last, and the facts for the page."""
        plan = self._plan
        self._tell(0, 0, "Preflight")
        checks = list(plan.preflight())
        settings = fetched(plan.a, "GET", "/api/settings")
        said = settings.plain() if settings.ok else {}
        effective = said.get("effective", {})
        with visiting(plan.a, self._nonce, plan.minutes * 60.0 + SPARE_S) as visit:
            checks += self._asked(visit, effective)
            checks += self._commits(visit, said, told(settings))
        session = fetched(plan.a, "GET", "/api/session")
        who = session.plain() if session.ok else {}
        checks.append(built.prepared(who, told(session)))
        checks += built.went_back(plan.back_to or plan.past.to, plan.past.took_s, plan.past.source or plan.past.why_not)
        judged = accepted(checks, plan.accept)
        spared = {} if built.needs_second(effective) else {"smoke.idempotency.shared": _ALONE}
        verdict = go.verdict(judged, unneeded=spared)
        facts = self._facts(said, who, judged, verdict, spared)
        return (*judged, verdict.check), facts

    def _asked(self, visit: Visit, effective: Mapping[str, Any]) -> Iterable[Check]:
        """Everything that is asked of the server with a visit."""
        plan, clock = self._plan, self._clock
        steps: list[tuple[str, Steps]] = [
            ("Smoke", lambda: basics(plan.a, clock)),
            ("Idempotency", lambda: idempotency(plan.a, plan.b, visit, self._wait)),
            ("Audit", lambda: audit(plan.a, visit, keyless=plan.keyless)),
            ("Load", lambda: self._loaded(visit, effective)),
            ("Watch", lambda: self._watched(visit)),
        ]
        for number, (name, step) in enumerate(steps):
            self._tell(number, len(steps), name)
            yield from step()

    def _loaded(self, visit: Visit, effective: Mapping[str, Any]) -> Iterable[Check]:
        limits = effective.get("rate_limits", {})
        per_s = {name: float(limits[name]["per_s"]) for name in ("chat", "operator") if name in limits}
        checks, self._load = loaded(self._plan.a, visit, self._clock, per_s, self._wait)
        return checks

    def _watched(self, visit: Visit) -> Iterable[Check]:
        checks, self._watch = watched(self._plan.a, visit, self._clock, self._plan.minutes, self._wait, self._tell)
        return checks

    def _commits(self, visit: Visit, said: Mapping[str, Any], why: str) -> Iterable[Check]:
        """Which code each service runs. No key goes to any but the servers that are released."""
        plan = self._plan
        yield built.known("segue", *built.build(said), why)
        if plan.b is not None:
            answer = fetched(plan.b, "GET", "/api/settings", key=visit.key)
            yield built.known("segue-b", *built.build(answer.plain() if answer.ok else None), told(answer))
        for name, (asking, path) in plan.services.items():
            answer = fetched(asking, "GET", path, key="")
            yield built.known(name, *built.build(answer.plain(), answer.text if answer.ok else ""), told(answer))

    def _facts(
        self,
        said: Mapping[str, Any],
        who: Mapping[str, Any],
        checks: Iterable[Check],
        verdict: go.Verdict,
        spared: Mapping[str, str],
    ) -> dict[str, Any]:
        plan = self._plan
        by_name = {check.name: check for check in checks}
        nodes = fetched(plan.a, "GET", "/api/nodes")
        items = nodes.plain().get("items", ()) if nodes.ok else ()
        services = {
            name.removeprefix("release.commit."): dict(check.figures)
            for name, check in by_name.items()
            if name.startswith("release.commit.")
        }
        return {
            "verdict": verdict.word,
            "reasons": list(verdict.reasons),
            "accepted": list(verdict.accepted),
            "unused": sorted(set(plan.accept) - set(verdict.accepted)),
            "spared": dict(spared),
            "services": services,
            "prepared_by": str(who.get("name", "")),
            "via": str(who.get("via", "")),
            "places": [plan.a.place, *([plan.b.place] if plan.b is not None else [])],
            "nodes": [{"name": each["name"], "state": each["state"]} for each in items],
            "settings": str(said.get("digest", "")),
            "python": str(said.get("python", "")),
            "limitations": list(built.limitations(said.get("effective", {}))),
            "criteria": {each.criterion.name: each.word for each in verdict.standings},
            "minutes": plan.minutes,
            "load": self._load,
            "watch": self._watch,
            "back_to": plan.back_to or plan.past.to,
            "back_s": plan.past.took_s,
            "back_evidence": plan.past.source,
        }


_ALONE = "its database is a file, which no second server can use"
