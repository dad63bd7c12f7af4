"""Which language a turn is in: the caller's word where there is one, the script and letters of the text otherwise."""

import re
from collections.abc import Sequence

from segue.errors import UnknownLanguage

_ALIASES = {"cmn": "zh", "ua": "uk"}
_HAN = re.compile("[㐀-䶿一-鿿豈-﫿]")
_CYRILLIC = re.compile("[Ѐ-ӿ]")
_LATIN = re.compile("[A-Za-zÀ-ɏ]")
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
_RUSSIAN = re.compile("[ыэъёЫЭЪЁ]")
_UKRAINIAN_WORDS = re.compile(
    r"\b(?:та|що|як|це|до|від|який|яка|яке|чому|хто|коли|чи|але|або|щоб|дуже|треба|добре|добрий|доброго|дякую|прошу|котра"
    r"|котрий|година|годину|хвилин[аиу]?|зараз|розкажи|будь|ласка|сьогодн\w*|завтра|вчора|допоможи|потрібно|гарно"
    r"|гарний|гарного|мова|мовою|пишеш|робиш|твого|мого|нас|вас|разом|де|ось|буде|було|була|були|бачу"
    r"|\w{2,}(?:ння|ються|ється|ати|ити|ути)|\w+ться)\b",
    re.IGNORECASE,
)
_RUSSIAN_WORDS = re.compile(
    r"\b(?:и|что|как|или|если|когда|почему|кто|где|очень|можно|надо|нужно|хорошо|хороший|спасибо|привет|меня|тебя|дела|час"
    r"|который|которая|сколько|сейчас|сегодня|расскажи|пожалуйста|помоги|время|времени|здравствуй\w*|добрый|доброе"
    r"|утро|вечер|его|него|нет|да|ли|еще|тоже|только|потом|зовут|погода|какая|какой|какое|делаешь|можешь"
    r"|\w{2,}(?:ение|ания|ание|ения|ать|ить|еть|ется|ются|ого|его|ость))\b",
    re.IGNORECASE,
)


def base_code(code: str) -> str:
    """The primary subtag of a language tag in lower case: `uk-UA` is `uk`, `cmn` is `zh`."""
    primary = code.strip().lower().replace("_", "-").split("-")[0]
    return _ALIASES.get(primary, primary)


def detect(text: str, languages: Sequence[str], default: str) -> str:
    """The most likely of `languages` for a text, by script first and telling letters and words second."""
    han = len(_HAN.findall(text)) * 5
    cyrillic = len(_CYRILLIC.findall(text))
    latin = len(_LATIN.findall(text))
    if max(han, cyrillic, latin) == 0:
        return default
    if han >= cyrillic and han >= latin and "zh" in languages:
        return "zh"
    if cyrillic >= latin:
        ukrainian = 3 * len(_UKRAINIAN.findall(text)) + len(_UKRAINIAN_WORDS.findall(text))
        russian = 3 * len(_RUSSIAN.findall(text)) + len(_RUSSIAN_WORDS.findall(text))
        nearer = ["uk"] if ukrainian > russian else ["ru"] if russian > ukrainian else [default]
        known = [code for code in (*nearer, *languages) if code in {"uk", "ru"} and code in languages]
        return known[0] if known else default
    return "en" if "en" in languages else default


def resolve(code: str | None, text: str, languages: Sequence[str], default: str) -> str:
    """The language of a turn.

    Raises:
        UnknownLanguage: the caller named a language that is not configured.
    """
    if code is None or code.strip().lower() in {"", "auto"}:
        return detect(text, languages, default)
    primary = base_code(code)
    if primary not in languages:
        raise UnknownLanguage(
            f"Language {code!r} is not configured; this server speaks {', '.join(languages)}.", param="language"
        )
    return primary
