"""`/api/settings`: the configuration in force, and the versions of what operators change of it meanwhile."""

from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field, JsonValue

from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.effective import About
from segue.console.operator import Operator, Scope
from segue.console.paging import Place
from segue.voice.live import LiveSettings, Version
from segue.voice.versions import Versions
from segue.web.access import Access
from segue.web.bodies import WHOLE, Body, json_only
from segue.web.described import Shape, answers
from segue.web.guard import request_id
from segue.web.paging import LISTS, Lists, Page
from segue.web.shapes import Digest, Moment
from segue.web.shapes import Page as PageShape

Role = Literal["model", "synthesizer", "recognizer"]
Reason = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Number = Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE]
OUTDATED: dict[int | str, dict[str, Any]] = {
    409: {"description": "Somebody changed the live settings meanwhile (code `outdated`)."}
}
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such version (code `unknown_version`)."}}


class LiveBody(Body):
    """The whole of the live settings."""

    off: Annotated[dict[Name, Reason], Field(max_length=100)]
    """Why a provider is switched off, by its name. Who is not named is on."""
    first: dict[Role, Name]
    """The provider that goes before all others, by role. A role that is not named is as configured."""


class ChangeBody(Body):
    """A change of the live settings."""

    base: Number
    """The version upon which it is made; 0 while there is none."""
    live: LiveBody
    reason: Reason
    """Why, for the history."""
    force: bool = False
    """Also where a role is left without a provider."""


class RestoreBody(Body):
    """An earlier version is to be in force again."""

    version: Number
    """Its number; 0 for the configuration by itself."""
    reason: Reason
    force: bool = False
    """Also where a role is left without a provider."""


class LiveShape(Shape):
    """The whole of the live settings."""

    off: dict[str, str]
    first: dict[str, str]


class VersionShape(Shape):
    """A version of the live settings."""

    version: Annotated[int, Field(ge=0)]
    at: Moment | None
    by: str
    reason: str
    live: LiveShape


class InForceShape(VersionShape):
    """The version in force."""

    ignored: list[str]
    """What of it is not applied on this server, a sentence each."""
    trouble: str
    """Why it is not known whether there is a newer version; empty while it is."""


class EffectiveShape(InForceShape):
    """What a server is, and by which settings it runs."""

    effective: dict[str, JsonValue]
    """The configuration; of each secret it is told whether it is `set` or `unset`."""
    digest: Digest
    """Of the configuration, without what differs between servers that are configured alike."""
    segue: str
    commit: str
    python: str
    sqlite: str
    libraries: dict[str, str]
    node: str
    started_at: Moment


class VersionPage(PageShape):
    """Versions of the live settings."""

    items: list[VersionShape]


def version_fields(version: Version) -> dict[str, Any]:
    """A version as plain values."""
    return {
        "version": version.number,
        "at": round(version.at_us / 1e6, 6) if version.number else None,
        "by": version.actor,
        "reason": version.reason,
        "live": version.value.as_dict(),
    }


def in_force(versions: Versions) -> dict[str, Any]:
    """The version in force as plain values."""
    told = {"ignored": list(versions.ignored), "trouble": versions.trouble}
    return version_fields(versions.current) | told


def about_fields(about: About) -> dict[str, Any]:
    """What a server tells of itself, as plain values."""
    return {
        "effective": dict(about.effective),
        "digest": about.digest,
        "segue": about.segue,
        "commit": about.commit,
        "python": about.python,
        "sqlite": about.sqlite,
        "libraries": dict(about.libraries),
        "node": about.node,
        "started_at": round(about.started_at, 3),
    }


class Governed(Protocol):
    """What the routes tell of: the versions, and the server itself, which is known whole once it has started."""

    @property
    def versions(self) -> Versions:
        """The versions of the live settings."""

    @property
    def about(self) -> About:
        """What the server tells of itself."""


def router(governed: Governed, lists: Lists, access: Access, actions: Actions) -> APIRouter:
    """The routes, bound to the live settings of this server."""
    routes = APIRouter(prefix="/api/settings", tags=["state"])
    versions = governed.versions

    @routes.get("", dependencies=[access.needs(Scope.READ)], responses=answers(EffectiveShape))
    async def settings() -> dict[str, Any]:
        """The configuration in force and the live settings; no secret is among them."""
        return in_force(versions) | about_fields(governed.about)

    @routes.get("/versions", responses=answers(VersionPage) | LISTS)
    async def history(page: Page, by: Annotated[Operator, access.needs(Scope.READ)]) -> JSONResponse:
        """Every version of the live settings, the newest first."""
        walk = lists.walk(page, by)
        found = await versions.page(walk.place[0] if walk.place is not None else None, walk.take)
        return walk.answer(found, _place, version_fields)

    @routes.put("", dependencies=[Depends(json_only)], responses=answers(InForceShape) | OUTDATED)
    async def change(
        body: ChangeBody, by: Annotated[Operator, access.needs(Scope.ROLLOUT_WRITE)], request: Request
    ) -> dict[str, Any]:
        """Make a new version; it is in force here when this is answered, and on other servers within a second."""
        wanted = LiveSettings(dict(body.live.off), {str(role): name for role, name in body.live.first.items()})

        async def do(draft: Draft) -> None:
            who = {"by": by.name, "via": by.via, "request": draft.request}
            await versions.change(body.base, wanted, body.reason.strip(), **who, force=body.force)

        await actions.act(by, Deed("settings.set", "settings", Scope.ROLLOUT_WRITE, request_id(request)), do)
        return in_force(versions)

    @routes.post("/restore", dependencies=[Depends(json_only)], responses=answers(InForceShape) | OUTDATED | UNKNOWN)
    async def restore(
        body: RestoreBody, by: Annotated[Operator, access.needs(Scope.ROLLOUT_WRITE)], request: Request
    ) -> dict[str, Any]:
        """Make a new version with the value of an earlier one."""

        async def do(draft: Draft) -> None:
            who = {"by": by.name, "via": by.via, "request": draft.request}
            await versions.restore(body.version, body.reason.strip(), **who, force=body.force)

        await actions.act(by, Deed("settings.restore", "settings", Scope.ROLLOUT_WRITE, request_id(request)), do)
        return in_force(versions)

    return routes


def _place(version: Version) -> Place:
    return version.number, ""
