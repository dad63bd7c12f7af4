"""Does what a running Segue does itself: its live settings, its rollouts, its switch; and asks it questions."""

from collections.abc import Mapping
from typing import Any

from segue.errors import InvalidRequest, Unavailable
from segue.operations.ports import Answer, Asking
from segue.operations.runbook.actions import (
    Action,
    Http,
    ProviderFirst,
    ProviderOff,
    ProviderOn,
    RolloutRollback,
    SettingsRestore,
    SwitchTurn,
)
from segue.operations.runbook.standing import Seen

CONFIGURED: Mapping[str, Any] = {"off": {}, "first": {}}
"""The live settings of version 0: the configuration by itself."""
PAGE = 200
TRIES = 5
"""How often a change is made anew where somebody else changed the live settings meanwhile."""
OUTDATED = 409
_SETTINGS = "/api/settings"


class Served:
    """Does what the server does."""

    def __init__(self, server: Asking, reason: str) -> None:
        self._server = server
        self._reason = reason

    def look(self, action: Action, run: str) -> Seen:
        """How things stand, by what the server says.

        Raises:
            Unavailable: it does not answer, or refuses.
        """
        del run
        try:
            return self._look(action)
        except (KeyError, TypeError, AttributeError) as error:
            why = f"{self._server.place} answers in another form ({error!r}); is it a Segue of this version?"
            raise Unavailable(why) from error

    def do(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Let the server do it.

        Raises:
            Unavailable: it does not answer, or refuses.
        """
        del before
        match action:
            case SettingsRestore():
                self._send("POST", f"{_SETTINGS}/restore", {"version": int(action.version), "reason": self._reason})
            case ProviderOff() | ProviderOn() | ProviderFirst():
                self._change(action)
            case RolloutRollback():
                body = {"reason": self._reason, "id": f"{run}-{action.rollout}"}
                self._send("POST", f"/api/rollouts/{action.rollout}/rollback", body)
            case SwitchTurn():
                self._turn(enabled=action.enabled)
            case Http():
                self.hold(action, timeout_s)

    def take_back(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Bring back what was before, of that which the action changed.

        Raises:
            Unavailable: the server does not answer, or refuses.
        """
        del run, timeout_s
        match action:
            case SettingsRestore():
                if self._get(_SETTINGS)["live"] != before["live"]:
                    body = {"version": before["version"], "reason": self._reason}
                    self._send("POST", f"{_SETTINGS}/restore", body)
            case ProviderOff() | ProviderOn() | ProviderFirst():
                self._change(action, before)
            case SwitchTurn():
                self._turn(enabled=before["enabled"])
            case _:
                raise Unavailable(f"{action.kind} is not taken back by a runbook.")

    def hold(self, question: Http, timeout_s: float) -> None:
        """Ask, and compare the answer.

        Raises:
            Unavailable: it is another one, or came too late.
        """
        answer = self._server.fetch("GET", question.path, limit_s=timeout_s)
        if answer.status != question.status:
            raise Unavailable(f"{question.path} answered with {answer.status}, not {question.status}.")
        if question.within_ms is not None and answer.took_ms > question.within_ms:
            raise Unavailable(f"{question.path} took {answer.took_ms:.0f} ms; {question.within_ms:g} are allowed.")
        for key, wanted in question.holds.items():
            found = _at(answer.plain(), key)
            if found != wanted:
                raise Unavailable(f"{question.path} says {key} is {found!r}, not {wanted!r}.")

    def _look(self, action: Action) -> Seen:
        match action:
            case SettingsRestore():
                now = self._get(_SETTINGS)
                wanted = self._version(int(action.version))
                return {"version": now["version"], "live": now["live"], "wanted": wanted}
            case ProviderOff() | ProviderOn() | ProviderFirst():
                live = self._get(_SETTINGS)["live"]
                return {"off": live["off"], "first": live["first"]}
            case RolloutRollback():
                return {"phase": self._get(f"/api/rollouts/{action.rollout}")["phase"]}
            case SwitchTurn():
                return {"enabled": self._get("/api/voice/switch")["enabled"]}
            case _:
                return {}

    def _change(self, action: ProviderOff | ProviderOn | ProviderFirst, before: Seen | None = None) -> None:
        """Change one thing of the live settings, upon whatever version is in force; to what it was with `before`."""
        for _ in range(TRIES):
            now = self._get(_SETTINGS)
            live = (
                changed(now["live"], action, self._reason) if before is None else _brought(now["live"], action, before)
            )
            if live == now["live"]:
                return
            body = {"base": now["version"], "live": live, "reason": self._reason}
            answer = self._server.fetch("PUT", _SETTINGS, body=body)
            if answer.status != OUTDATED:
                _checked(answer, _SETTINGS)
                return
        raise Unavailable(f"Others changed the live settings {TRIES} times meanwhile; try again.")

    def _turn(self, *, enabled: bool) -> None:
        self._send("POST", "/api/voice/switch", {"enabled": enabled, "reason": self._reason})

    def _version(self, number: int) -> Any:
        """The live settings of a version; None where there is no such version."""
        if number == 0:
            return CONFIGURED
        path = f"{_SETTINGS}/versions?limit={PAGE}"
        cursor = ""
        while True:
            page = self._get(path + cursor)
            for item in page["items"]:
                if item["version"] == number:
                    return item["live"]
            if not page["next"]:
                return None
            cursor = f"&cursor={page['next']}"

    def _get(self, path: str) -> Any:
        return _checked(self._server.fetch("GET", path), path)

    def _send(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        _checked(self._server.fetch(method, path, body=body), path)


def changed(live: Mapping[str, Any], action: ProviderOff | ProviderOn | ProviderFirst, reason: str) -> dict[str, Any]:
    """The live settings with one thing changed."""
    off, first = dict(live["off"]), dict(live["first"])
    match action:
        case ProviderOff():
            off.setdefault(action.provider, reason)
        case ProviderOn():
            off.pop(action.provider, None)
        case ProviderFirst():
            first[action.role] = action.provider
    return {"off": off, "first": first}


def _brought(live: Mapping[str, Any], action: ProviderOff | ProviderOn | ProviderFirst, before: Seen) -> dict[str, Any]:
    """The live settings with that back which one action changed."""
    part, name = ("first", action.role) if isinstance(action, ProviderFirst) else ("off", action.provider)
    back = {"off": dict(live["off"]), "first": dict(live["first"])}
    if name in before[part]:
        back[part][name] = before[part][name]
    else:
        back[part].pop(name, None)
    return back


def _checked(answer: Answer, path: str) -> Any:
    plain = answer.plain()
    if not answer.ok:
        told = plain.get("detail") or plain.get("error") if isinstance(plain, dict) else None
        raise Unavailable(f"{path} answered with {answer.status}: {told or answer.text[:200] or 'nothing'}")
    if not isinstance(plain, dict):
        raise InvalidRequest(f"{path} is answered by something that is no Segue.")
    return plain


def _at(document: Any, key: str) -> Any:
    for part in key.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document
