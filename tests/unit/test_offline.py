import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from segue.clock import ManualClock
from segue.providers.offline import OfflineResponder, answer
from segue.providers.offline_texts import TEXTS
from segue.voice.ports import Message, Prompt

NOW = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
"""A Saturday."""


def reply(language: str, text: str, profile: str = "fast") -> str:
    """What is said to a text at `NOW`."""
    return answer(text, TEXTS[language], profile, NOW)


@pytest.mark.parametrize(
    ("language", "asked", "said"),
    [
        ("en", "What time is it?", "It is 14:05."),
        ("en", "what's the time", "It is 14:05."),
        ("uk", "Котра година?", "Зараз 14:05."),
        ("uk", "Скажи, котра зараз година", "Зараз 14:05."),
        ("ru", "Который час?", "Сейчас 14:05."),
        ("ru", "Сколько сейчас времени?", "Сейчас 14:05."),
        ("zh", "现在几点了？", "现在是14:05。"),
        ("en", "What is the date today?", "Today is Saturday, 21 November 2026."),
        ("uk", "Яке сьогодні число?", "Сьогодні субота, 21 листопада 2026 року."),
        ("ru", "Какой сегодня день?", "Сегодня суббота, 21 ноября 2026 года."),
        ("zh", "今天几号？", "今天是2026年11月21日，星期六。"),
    ],
)
def test_the_time_and_the_date_are_told(language: str, asked: str, said: str) -> None:
    """A question for the time or the date is answered from the clock that was handed in."""
    assert reply(language, asked) == said


@pytest.mark.parametrize(
    ("language", "asked", "said"),
    [
        ("en", "What is 12 times 8?", "That makes 96."),
        ("en", "two plus two", "That makes 4."),
        ("en", "2 + 3 * 4", "That makes 14."),
        ("en", "10 - 4 - 3", "That makes 3."),
        ("en", "8 / 4 / 2 =", "That makes 1."),
        ("en", "3 - -4 * 2.5", "That makes 13."),
        ("en", "what is 1/3", "That makes 0.3333."),
        ("en", "how much is 0.1 + 0.2", "That makes 0.3."),
        ("en", "5 divided by zero", "Nothing can be divided by zero."),
        ("uk", "Скільки буде п’ять помножити на 3?", "Буде 15."),
        ("uk", "7 поділити на 2", "Буде 3,5."),
        ("uk", "2,5 + 2,5", "Буде 5."),
        ("ru", "Сколько будет десять минус 4?", "Будет 6."),
        ("ru", "1 / 0 =", "На ноль делить нельзя."),
        ("zh", "三加五等于多少？", "等于8。"),
        ("zh", "12乘以8", "等于96。"),
    ],
)
def test_sums_are_right(language: str, asked: str, said: str) -> None:
    """Small sums are computed exactly, in figures and words, multiplication and division first."""
    assert reply(language, asked) == said


@pytest.mark.parametrize("asked", ["10/12/2026", "21-11-2026", "the 5-10 range", "call 555-1234"])
def test_not_everything_with_figures_is_a_sum(asked: str) -> None:
    """Dates, ranges and telephone numbers are not computed."""
    assert "That makes" not in reply("en", asked)


@pytest.mark.parametrize(
    ("language", "asked", "said"),
    [
        ("en", "Say good morning, world!", "Good morning, world!"),
        ("en", "Please repeat after me: one, two", "One, two."),
        ("uk", "Скажи добрий вечір", "Добрий вечір."),
        ("uk", "Повтори за мною: тест", "Тест."),
        ("ru", "Повторите за мной раз два", "Раз два."),
        ("ru", "скажи: «Привет»", "Привет."),
        ("zh", "请说早上好", "早上好。"),
    ],
)
def test_what_should_be_said_is_said(language: str, asked: str, said: str) -> None:
    """`say` and `repeat` give back the rest, as a sentence."""
    assert reply(language, asked) == said


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("en", "Are you a language model?"),
        ("en", "Is this ChatGPT or a robot? Are you human?"),
        ("en", "What is the capital of France?"),
        ("uk", "Ти мовна модель?"),
        ("uk", "Яка столиця Франції?"),
        ("ru", "Ты языковая модель?"),
        ("ru", "Назови столицу Франции."),
        ("zh", "你是语言模型吗？"),
        ("zh", "法国的首都是哪里？"),
    ],
)
def test_it_says_what_it_is_not(language: str, asked: str) -> None:
    """Asked what it is, or what it cannot know, it says that it is no language model."""
    honest = {"en": "not a language model", "uk": "не мовна модель", "ru": "не языковая модель", "zh": "不是语言模型"}
    assert honest[language] in reply(language, asked).replace("а не ", "не ")


@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("en", "Hello!"),
        ("en", "Hi there"),
        ("uk", "Привіт"),
        ("uk", "Добрий день"),
        ("ru", "Здравствуйте!"),
        ("zh", "你好"),
    ],
)
def test_a_greeting_is_answered_with_what_can_be_tried(language: str, asked: str) -> None:
    """Whoever says hello is told what this is and what to ask."""
    assert reply(language, asked) == TEXTS[language].greet
    assert "Segue" in TEXTS[language].greet


@pytest.mark.parametrize(
    ("language", "asked"),
    [("en", "Tell me more"), ("uk", "Розкажи більше"), ("ru", "Расскажи подробнее"), ("zh", "介绍一下")],
)
def test_a_long_answer_shows_what_speech_can_do(language: str, asked: str) -> None:
    """The long answer has several sentences with a time, money, a percentage and a measure."""
    said = reply(language, asked)

    assert len(re.findall(r"[.。](?:\s|$|(?<=。))", said)) >= 5
    assert "14:30" in said
    assert "15%" in said
    assert re.search(r"\$49\.90|249,50 грн|1250,50 руб|249\.50元", said)
    assert re.search(r"384 ?(?:km|км|公里)", said)


@pytest.mark.parametrize("language", TEXTS)
def test_quality_says_more_than_fast(language: str) -> None:
    """The profile `quality` never says less, and says more wherever there is more to say."""
    for cue in ("Segue", "42 + 1", "?!", "xyzzy", {"en": "more about", "zh": "介绍"}.get(language, "расскажи розкажи")):
        fast, quality = reply(language, cue), reply(language, cue, "quality")
        assert len(quality) >= len(fast)
    assert len(reply(language, "Segue", "quality")) > len(reply(language, "Segue"))


@pytest.mark.parametrize("language", TEXTS)
def test_every_text_can_be_said(language: str) -> None:
    """Every answer of every language is a closed sentence without a gap left to fill."""
    texts = TEXTS[language]
    for said in (
        texts.greet,
        texts.about,
        texts.model,
        texts.help,
        texts.thanks,
        texts.zero,
        texts.further,
        *texts.more,
    ):
        assert said.endswith((".", "。"))
        assert "{" not in said
    assert (len(texts.months), len(texts.weekdays)) == (12, 7)


async def test_the_clock_and_its_zone_are_handed_in() -> None:
    """The time that is told is the clock's, in the zone that was given."""
    zone = timezone(timedelta(hours=2))
    model = OfflineResponder(ManualClock(wall_s=NOW.timestamp()), zone=zone)

    prompt = Prompt((Message("user", "what time is it"), Message("assistant", "Well.")), "en-GB")

    assert "".join([token async for token in model.stream(prompt)]) == "It is 16:05."


async def test_tokens_are_pieces_of_words() -> None:
    """Tokens have at most four letters, as those of a language model, so that a stream is a stream."""
    model = OfflineResponder(ManualClock(), zone=UTC)

    tokens = [token async for token in model.stream(Prompt((Message("user", "розкажи"),), "uk"))]

    assert max(len(token.strip()) for token in tokens) <= 4
    assert "".join(tokens) == answer("розкажи", TEXTS["uk"], "fast", NOW)


@pytest.mark.parametrize("messages", [(), (Message("system", "Be brief."),)])
async def test_nobody_asked(messages: tuple[Message, ...]) -> None:
    """Without a word of the listener there is a greeting, in English where the language is unknown."""
    model = OfflineResponder(ManualClock(), zone=UTC)

    said = "".join([token async for token in model.stream(Prompt(messages, "sv"))])

    assert said == TEXTS["en"].greet


def test_a_long_message_is_not_read_back_whole() -> None:
    """What was not understood is repeated up to a limit."""
    assert len(reply("en", "blah " * 10_000)) < 600
