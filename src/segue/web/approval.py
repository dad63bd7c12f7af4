"""The approval link: a small page that shows what is agreed to, with one button. Only the button agrees.

The page needs no script, loads nothing, and may not be framed. A GET changes nothing, because chats fetch every link
they are sent to show a preview of it.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from segue.console.actions import Actions, Deed
from segue.console.audit import Draft
from segue.console.operator import LINK
from segue.delivery.approval import awaited, fits
from segue.delivery.rollout import Command, Decision, Kind, Rollout, Verb
from segue.delivery.seen import Seen
from segue.delivery.telling import percent, span
from segue.web.approval_texts import TEXTS, UNITS, language
from segue.web.guard import request_id
from segue.web.rollout_bodies import Refused, RolloutName

CSS = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "PingFang SC",
  "Noto Sans CJK SC", sans-serif; }
body { margin: 0; background: light-dark(#f5f4f0, #131618); color: light-dark(#1b2024, #e9ecee); }
main { max-width: 36rem; margin: 8vh auto; padding: 28px; background: light-dark(#ffffff, #1c2023);
  border: 1px solid light-dark(#dcd9d1, #31373c); border-radius: 14px; }
h1 { margin: 0 0 4px; font-size: 1.4rem; line-height: 1.25; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.muted { color: light-dark(#596068, #a2abb2); }
dl { margin: 20px 0; }
dt { font-weight: 600; }
dd { margin: 0 0 12px; overflow-wrap: anywhere; }
ul { margin: 4px 0 0; padding-left: 20px; }
label { display: block; margin: 16px 0 4px; }
input[type=text] { box-sizing: border-box; width: 100%; padding: 10px 12px; font: inherit; color: inherit;
  background: transparent; border: 1px solid light-dark(#8b8a84, #6f7880); border-radius: 8px; }
button { margin-top: 16px; padding: 10px 20px; font: inherit; font-weight: 600; border: 0; border-radius: 999px;
  background: light-dark(#0b6e66, #63d2c3); color: light-dark(#ffffff, #062420); cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#0b6e66, #63d2c3); outline-offset: 2px; }
@media (max-width: 480px) { main { margin: 0; border: 0; border-radius: 0; min-height: 100vh; padding: 20px; } }
"""
_HASH = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",  # the address holds the nonce
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
    "vary": "accept-language",
}

Look = Callable[[str], Awaitable[Seen | None]]
Obey = Callable[[str, Command], Awaitable[Decision]]

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The page."},
    404: {"description": "There is no such rollout; told as a page.", "content": {"text/html": {}}},
    410: {"description": "The link was used, or is too old; told as a page.", "content": {"text/html": {}}},
    503: {"description": "What is kept cannot be read now."},
}
_AGREED: dict[int | str, dict[str, Any]] = {
    **_ANSWERS,
    200: {"description": "Agreed; told as a page."},
    409: {"description": "It cannot be approved as things stand; told as a page.", "content": {"text/html": {}}},
}


def router(look: Look, obey: Obey, actions: Actions) -> APIRouter:
    """The routes, bound to what looks at a rollout and to what obeys a command. They need no key but the link's own."""
    routes = APIRouter(prefix="/api/rollouts", tags=["rollouts"])

    @routes.get("/{name}/approval", response_class=HTMLResponse, responses=_ANSWERS)
    async def ask(name: RolloutName, request: Request, nonce: str = "") -> HTMLResponse:
        """Show what the link agrees to. Nothing is agreed to before the button is pressed."""
        code = language(request.headers.get("accept-language", ""))
        seen = await look(name)
        if seen is None:
            return _told(code, "unknown", 404)
        if not _waits_for(seen.rollout, nonce):
            return _told(code, "used", 410)
        return _page(code, TEXTS[code]["title"], _question(seen, nonce, code), 200)

    @routes.post("/{name}/approval", response_class=HTMLResponse, responses=_AGREED)
    async def agree(name: RolloutName, request: Request) -> HTMLResponse:
        """Agree to the next stage, as the form of that page sends it: `nonce`, and `name` where one was given."""
        code = language(request.headers.get("accept-language", ""))
        form = _form(await request.body())
        seen = await look(name)
        if seen is None:
            return _told(code, "unknown", 404)
        rollout, nonce = seen.rollout, form.get("nonce", "")
        if not _waits_for(rollout, nonce):
            return _told(code, "used", 410)
        stage = rollout.plan.stages[rollout.stage + 1].name
        # The name that is given proves nothing: it is kept as a reason.
        given = "".join(filter(str.isprintable, form.get("name", "")))[:100].strip()
        command = Command(
            Verb.APPROVE, LINK.name, given, id=f"approval {nonce}", stage=stage, nonce=nonce, via=LINK.via
        )

        async def do(_: Draft) -> None:
            decision = await obey(name, command)
            if decision.kind is Kind.REFUSED:
                raise Refused(decision.reason)

        try:
            await actions.act(LINK, Deed("rollout.approve", f"rollout/{name}", None, request_id(request)), do)
        except Refused as refusal:
            return _told(code, "refused", 409, reason=refusal.message)
        return _told(code, "agreed", 200, stage=stage, rollout=rollout.name)

    return routes


def _waits_for(rollout: Rollout, nonce: str) -> bool:
    """Whether this is the link that the next stage of a rollout waits for."""
    return rollout.phase.live and awaited(rollout) is not None and fits(rollout, nonce)


def _form(body: bytes) -> dict[str, str]:
    """The first value of each field of a form, as browsers send it; what is no form has no fields."""
    try:
        fields = parse_qs(body.decode(), max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _question(seen: Seen, nonce: str, code: str) -> str:
    """What is agreed to, what is known of it, and the form with the button."""
    texts, rollout = TEXTS[code], seen.rollout
    following = rollout.plan.stages[rollout.stage + 1]
    now = _hears(rollout, rollout.share_bp, texts)
    after = _hears(rollout, round(following.share * 10_000), texts)
    more = [texts["dwell"].format(dwell=span(following.dwell, UNITS[code]))] if following.dwell else []
    conditions = (following.cohort.characters, following.cohort.languages, following.cohort.listeners)
    cohort = [name for names in conditions if names != "*" for name in names]
    more += [texts["cohort"].format(names=", ".join(cohort))] if cohort else []
    told = {
        texts["now"]: f"{texts['stage'].format(stage=rollout.stage_name)}: {now}",
        texts["next"]: "; ".join([f"{texts['stage'].format(stage=following.name)}: {after}", *more]),
    }
    gates = [f"{verdict.gate}: {texts[verdict.word.value]}" for verdict in seen.judgement.verdicts]
    if gates:
        told[texts["gates"]] = ", ".join(gates)
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in told.items())
    about = f"<p>{escape(rollout.plan.about)}</p>" if rollout.plan.about else ""
    button = escape(texts["button"].format(stage=following.name))
    return (
        f'<p class="muted">{escape(rollout.key)}</p>{about}<dl>{rows}</dl>'
        f'<p class="muted">{escape(texts["note"])}</p>'
        f'<form method="post" action="approval"><input type="hidden" name="nonce" value="{escape(nonce)}">'
        f'<label for="name">{escape(texts["name"])}</label>'
        f'<input type="text" id="name" name="name" maxlength="100" autocomplete="name">'
        f"<button>{button}</button></form>"
    )


def _hears(rollout: Rollout, share_bp: int, texts: Any) -> str:
    words = "nobody" if not share_bp else "everybody" if share_bp == 10_000 else "hears"
    plan = rollout.plan
    told: str = texts[words].format(share=percent(share_bp), candidate=plan.candidate.name, baseline=plan.baseline.name)
    return told


def _told(code: str, what: str, status: int, **values: str) -> HTMLResponse:
    texts = TEXTS[code]
    return _page(code, texts[f"{what}_title"], f"<p>{escape(texts[what].format(**values))}</p>", status)


def _page(code: str, title: str, content: str, status: int) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"><title>{escape(title)} · Segue</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(html, status, headers=HEADERS)
