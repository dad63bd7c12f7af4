import pytest

from segue.errors import UnknownLanguage
from segue.voice.language import base_code, detect, resolve

ALL = ("en", "uk", "ru", "zh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, how are you?", "en"),
        ("Привіт, як справи?", "uk"),
        ("Скільки це коштує і коли буде готово?", "uk"),
        ("Привет, как дела?", "ru"),
        ("Сколько это стоит и когда будет готово?", "ru"),
        ("你好，今天天气怎么样？", "zh"),
        ("用 Python 写一个 web server", "zh"),
        ("Скажи «good morning» українською, будь ласка, щоб я міг повторити", "uk"),
        ("12345 !!!", "en"),
        ("", "en"),
        ("Добре, дякую", "uk"),
        ("Хорошо, спасибо", "ru"),
        ("Котра година?", "uk"),
        ("Который час?", "ru"),
        ("Доброго ранку!", "uk"),
        ("Доброе утро!", "ru"),
        ("Як тебе звати?", "uk"),
        ("Как тебя зовут?", "ru"),
        ("Розкажи казку про кота", "uk"),
        ("Расскажи сказку про кота", "ru"),
        ("Де тут кава?", "uk"),
        ("Где тут кофе?", "ru"),
        ("Яка завтра погода?", "uk"),
        ("Какая завтра погода?", "ru"),
        ("Навчи мене готувати борщ", "uk"),
        ("Научи меня готовить борщ", "ru"),
        ("Питання без слова", "uk"),
        ("Сколько будет два плюс два", "ru"),
    ],
)
def test_the_text_shows_its_language(text: str, expected: str) -> None:
    """Script first, telling letters and words second, the default where nothing tells."""
    assert detect(text, ALL, "en") == expected


@pytest.mark.parametrize(("tag", "code"), [("uk-UA", "uk"), ("EN_us", "en"), ("cmn", "zh"), ("zh-Hans-CN", "zh")])
def test_tags_become_codes(tag: str, code: str) -> None:
    """A language tag is reduced to its primary subtag."""
    assert base_code(tag) == code
    assert resolve(tag, "", ALL, "en") == code


def test_only_configured_languages_are_found() -> None:
    """Detection never answers with a language that is not configured."""
    assert detect("Привет, как дела?", ("en", "uk"), "en") == "uk"
    assert detect("Мама", ("en", "ru", "uk"), "en") == "ru"
    assert detect("Мама", ("en", "uk", "ru"), "en") == "uk"
    assert detect("Мама", ("en", "uk", "ru"), "ru") == "ru"
    assert detect("你好", ("en",), "en") == "en"


def test_an_unknown_language_is_refused_with_what_there_is() -> None:
    """The caller's own word is never replaced by a guess."""
    with pytest.raises(UnknownLanguage, match="speaks en, uk, ru, zh"):
        resolve("fr", "Bonjour", ALL, "en")
