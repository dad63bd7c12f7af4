"""The approval link: what it shows, that only its button agrees, and what becomes of links that are used or old."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from segue.delivery.planfile import plan_of
from segue.delivery.rollout import Command, Verb
from segue.settings import Settings, load
from segue.web.approval_texts import TEXTS, language
from segue.wiring.house import House, build
from tests.rollouts import plan

SETTINGS: Settings = load().model_copy(
    update={
        "providers": load().providers.model_copy(
            update={"models": ("scripted",), "synthesizers": ("scripted",), "recognizers": ()}
        )
    }
)
PATH = "/api/rollouts/greeting/approval"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house in which a rollout waits for its second stage, in which everybody is to hear the candidate."""
    built = build(SETTINGS, keep=False)
    async with built.running():
        await built.delivery.controller.start(plan_of(plan("greeting")), Command(Verb.START, "olha"))
        yield built


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    """What asks its doors."""
    transport = httpx2.ASGITransport(app=house.app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://segue") as client:
        yield client


async def nonce(house: House) -> str:
    """What the link carries now."""
    rollout = await house.delivery.controller.store.load("greeting")
    assert rollout is not None
    return rollout.nonce


async def approved(house: House) -> tuple[str, ...]:
    """The stages that somebody agreed to."""
    rollout = await house.delivery.controller.store.load("greeting")
    assert rollout is not None
    return rollout.approved


async def test_looking_at_the_page_agrees_to_nothing(house: House, client: httpx2.AsyncClient) -> None:
    """However often the link is fetched, as chats do for a preview, the stage stays unapproved and the link good."""
    link = f"{PATH}?nonce={await nonce(house)}"
    for _ in range(3):
        answer = await client.get(link)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert await approved(house) == ()
    for told in (
        "greeting/1",
        "A newer voice.",
        "50 % hear new instead of old",
        "everybody hears new instead of old",
        "1 h",
    ):
        assert told in answer.text
    assert answer.text.count("<button>") == 1


async def test_the_button_agrees_once(house: House, client: httpx2.AsyncClient) -> None:
    """Posting what the form holds approves the next stage and tells the name that was given; it does so once."""
    fields = {"nonce": await nonce(house), "name": "Olha\n Koval"}
    agreed = await client.post(PATH, data=fields)
    assert agreed.status_code == 200
    assert "Stage all of greeting may be entered." in agreed.text
    assert await approved(house) == ("all",)
    (decision,) = [
        each for each in await house.delivery.controller.store.decisions("greeting") if each.kind.value == "approved"
    ]
    assert (decision.actor, decision.code) == ("link", "command")
    assert "by link: Olha Koval." in decision.reason

    for again in (await client.post(PATH, data=fields), await client.get(PATH, params={"nonce": fields["nonce"]})):
        assert again.status_code == 410
        assert "Nothing was changed." in again.text
    decisions = await house.delivery.controller.store.decisions("greeting")
    assert [each.kind.value for each in decisions].count("approved") == 1


async def test_who_gives_no_name_is_told_as_the_link(house: House, client: httpx2.AsyncClient) -> None:
    """Without a name the decision says that it was the link."""
    assert (await client.post(PATH, data={"nonce": await nonce(house)})).status_code == 200
    decisions = await house.delivery.controller.store.decisions("greeting")
    assert [each.actor for each in decisions if each.kind.value == "approved"] == ["link"]


@pytest.mark.parametrize("wrong", ["", "0" * 32, "ё", "x" * 5000])
async def test_another_link_is_gone(house: House, client: httpx2.AsyncClient, wrong: str) -> None:
    """What the link does not carry is answered with 410, to a GET and to a POST, and changes nothing."""
    del house
    assert (await client.get(PATH, params={"nonce": wrong})).status_code == 410
    assert (await client.post(PATH, data={"nonce": wrong})).status_code == 410
    assert (
        await client.post(PATH, content=b"\xff\xfe=&&nonce", headers={"content-type": "text/plain"})
    ).status_code == 410


async def test_a_link_of_an_earlier_stage_is_gone(house: House, client: httpx2.AsyncClient) -> None:
    """When the rollout has moved on, been rolled back or is unknown, the old link says so."""
    old = await nonce(house)
    await house.delivery.controller.command("greeting", Command(Verb.PROMOTE))
    assert (await client.post(PATH, data={"nonce": old})).status_code == 410
    now = await nonce(house)
    await house.delivery.controller.command("greeting", Command(Verb.ROLL_BACK))
    assert (await client.post(PATH, data={"nonce": now})).status_code == 410
    unknown = await client.get("/api/rollouts/nobody/approval", params={"nonce": now})
    assert (unknown.status_code, "no such rollout" in unknown.text) == (404, True)
    assert (await client.post("/api/rollouts/nobody/approval", data={"nonce": now})).status_code == 404


async def test_the_page_keeps_to_itself(house: House, client: httpx2.AsyncClient) -> None:
    """No script, nothing from elsewhere, no frame, no trace of the address; its own style is the one that may apply."""
    answer = await client.get(PATH, params={"nonce": await nonce(house)})
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{allowed}'; form-action 'self'")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script|\son\w+=|https?://|style=", answer.text)


async def test_what_people_wrote_is_shown_and_never_run(client: httpx2.AsyncClient, house: House) -> None:
    """Markup in a plan's words or in the address is text on the page."""
    await house.delivery.controller.command("greeting", Command(Verb.ROLL_BACK))
    written = plan("markup", about='<b>bold</b> & "quoted"', candidate={"name": "new"})
    await house.delivery.controller.start(plan_of(written), Command(Verb.START))
    rollout = await house.delivery.controller.store.load("markup")
    assert rollout is not None
    answer = await client.get("/api/rollouts/markup/approval", params={"nonce": rollout.nonce})
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("uk", "uk"),
        ("uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("fr,ru;q=0.7,en;q=0.5", "ru"),
        ("zh-Hans-CN", "zh"),
        ("en;q=0.1,zh;q=0.2", "zh"),
        ("uk;q=0,ru;q=nonsense,*", "en"),
        ("de, fr", "en"),
        (";;;,=,q=1", "en"),
    ],
)
def test_the_best_language_that_is_accepted_is_chosen(accepted: str, code: str) -> None:
    """Of its four languages the one with the greatest weight, else English; what cannot be read counts for nothing."""
    assert language(accepted) == code


async def test_the_page_speaks_the_language_of_its_reader(house: House, client: httpx2.AsyncClient) -> None:
    """Title, stages, times and the button are in the language that is asked for."""
    link = {"nonce": await nonce(house)}
    hours = {"en": "1 h", "uk": "1 год", "ru": "1 ч", "zh": "1 小时"}
    for code, texts in TEXTS.items():
        answer = await client.get(PATH, params=link, headers={"accept-language": f"{code};q=0.8, fr"})
        assert f'<html lang="{code}">' in answer.text
        for told in (texts["title"], texts["button"].format(stage="all"), hours[code]):
            assert told in answer.text


def test_every_language_says_the_same_things() -> None:
    """Each language has every text, with the same places for values."""
    places = {
        code: {name: set(re.findall(r"{\w+}", text)) for name, text in texts.items()} for code, texts in TEXTS.items()
    }
    assert all(each == places["en"] for each in places.values())
    assert set(places) == {"en", "uk", "ru", "zh"}
