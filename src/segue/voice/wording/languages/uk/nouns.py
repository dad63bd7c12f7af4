"""Ukrainian nouns that stand behind numbers: units, money, and everyday words.

A noun is written `key stem class [genitive plural]`, the class gives its endings; irregular ones are written out.
"""

from segue.voice.wording.grammar import Currency, Gender, Noun
from segue.voice.wording.languages.signs import PREFIXED_UNITS
from segue.voice.wording.languages.slavic import noun_of, with_adjective, with_tail

_CLASSES: dict[str, tuple[Gender, str, str]] = {
    "m": (Gender.MASCULINE, "- а у - ом і", "и ів ам и ами ах"),
    "mu": (Gender.MASCULINE, "- у у - ом і", "и ів ам и ами ах"),
    "mk": (Gender.MASCULINE, "ок ка ку ок ком ку", "ки ків кам ки ками ках"),
    "ms": (Gender.MASCULINE, "ь я ю ь ем і", "і ів ям і ями ях"),
    "f": (Gender.FEMININE, "а и і у ою і", "и - ам и ами ах"),
    "fk": (Gender.FEMININE, "ка ки ці ку кою ці", "ки ок кам ки ками ках"),
    "fs": (Gender.FEMININE, "я і і ю ею і", "і ь ям і ями ях"),
    "fh": (Gender.FEMININE, "а і і у ею і", "і - ам і ами ах"),
    "fi": (Gender.FEMININE, "ія ії ії ію ією ії", "ії ій іям ії іями іях"),
    "n": (Gender.NEUTER, "о а у о ом і", "а - ам а ами ах"),
    "ns": (Gender.NEUTER, "я я ю я ям і", "я ь ям я ями ях"),
    "x": (Gender.NEUTER, "- - - - - -", "- - - - - -"),
}


def noun(spec: str) -> Noun:
    """The noun of `stem class [genitive plural]`."""
    stem, kind, *rest = spec.split(" ")
    gender, ones, many = _CLASSES[kind]
    singular = [stem + ending.strip("-") for ending in ones.split(" ")]
    plural = [stem + ending.strip("-") for ending in many.split(" ")]
    if rest:
        plural[1] = rest[0]
    return noun_of(gender, " ".join(singular), " ".join(plural), nominal_paucal=True)


def _full(gender: str, singular: str, plural: str) -> Noun:
    return noun_of(Gender("mfn".index(gender)), singular, plural, nominal_paucal=True)


def _squared(unit: str, stem: str) -> Noun:
    return with_adjective(
        f"{stem}ий {stem}ого {stem}ому {stem}ий {stem}им {stem}ому",
        f"{stem}і {stem}их {stem}им {stem}і {stem}ими {stem}их",
        noun(unit),
        f"{stem}і",
    )


def _feminine(stem: str, unit: str) -> Noun:
    return with_adjective(
        f"{stem}а {stem}ої {stem}ій {stem}у {stem}ою {stem}ій",
        f"{stem}і {stem}их {stem}им {stem}і {stem}ими {stem}их",
        noun(unit),
        f"{stem}і",
    )


_REGULAR = """
kilometre кілометр m|metre метр m|decimetre дециметр m|centimetre сантиметр m|millimetre міліметр m
micrometre мікрометр m|nanometre нанометр m|mile мил fs|foot фут m|inch дюйм m|hectare гектар m|tonne тонн f
kilogram кілограм m|gram грам m|milligram міліграм m|microgram мікрограм m|pound_mass фунт m|ounce унц fi
litre літр m|millilitre мілілітр m|hour годин f|minute хвилин f|second секунд f|millisecond мілісекунд f
microsecond мікросекунд f|nanosecond наносекунд f|byte байт m|bit біт m|hertz герц m|watt ват m|volt вольт m
kilovolt кіловольт m|ampere ампер m|milliampere міліампер m|ohm ом m|joule джоул ms|kilojoule кілоджоул ms
calorie калор fi|kilocalorie кілокалор fi|pascal паскал ms|kilopascal кілопаскал ms|newton ньютон m
decibel децибел m|kilowatt_hour кіловат-годин f|milliampere_hour міліампер-годин f|pixel піксел ms
megapixel мегапіксел ms|percent відсот mk|permille проміле x|degree градус m|kelvin кельвін m|piece штук f
"""
_CURRENCY_UNITS = """
dollar долар m|euro євро x|pound фунт m|hryvnia гривн fs гривень|rouble рубл ms|yuan юан ms|yen єн f
franc франк m|tenge тенге x|bitcoin біткоїн m|rupee руп fi|kopeck копій fk|cent цент m
"""
_HUNDREDTHS = {
    "dollar": "cent", "euro": "cent", "hryvnia": "kopeck", "rouble": "kopeck", "pound": "penny", "zloty": "grosz",
}  # fmt: skip


def _block(block: str) -> dict[str, Noun]:
    rows = (cell.split(" ", 1) for line in block.strip().splitlines() for cell in line.split("|"))
    return {key: noun(spec) for key, spec in rows}


YEAR = _full("m", "рік року року рік роком році", "роки років рокам роки роками роках")
DAY = _full("m", "день дня дню день днем дні", "дні днів дням дні днями днях")
MONTH = _full("m", "місяць місяця місяцю місяць місяцем місяці", "місяці місяців місяцям місяці місяцями місяцях")
CENTURY = noun("столітт ns століть")
_PERSON = _full("f", "людина людини людині людину людиною людині", "люди людей людям людей людьми людях")
_STEMS = {"byte": "байт m", "bit": "біт m", "hertz": "герц m", "watt": "ват m"}
_PREFIXES = {"kilo": "кіло", "mega": "мега", "giga": "гіга", "tera": "тера"}

UNITS: dict[str, Noun] = {
    **_block(_REGULAR),
    **{prefix + stem: noun(_PREFIXES[prefix] + _STEMS[stem]) for prefix, stem in PREFIXED_UNITS},
    "square_metre": _squared("метр m", "квадратн"),
    "square_kilometre": _squared("кілометр m", "квадратн"),
    "square_centimetre": _squared("сантиметр m", "квадратн"),
    "cubic_metre": _squared("метр m", "кубічн"),
    "cubic_centimetre": _squared("сантиметр m", "кубічн"),
    "celsius": with_tail(noun("градус m"), "Цельсія"),
    "fahrenheit": with_tail(noun("градус m"), "Фаренгейта"),
    "frame_per_second": with_tail(noun("кадр m"), "за секунду"),
    "revolution_per_minute": with_tail(noun("оберт m"), "на хвилину"),
    "beat_per_minute": with_tail(noun("удар m"), "на хвилину"),
    "horsepower": _feminine("кінськ", "сил f"),
    "tablespoon": _feminine("столов", "лож fk"),
    "teaspoon": _feminine("чайн", "лож fk"),
    "day": DAY,
    "month": MONTH,
    "year": YEAR,
    "person": _PERSON,
}
_MONEY = {
    **_block(_CURRENCY_UNITS),
    "zloty": _full("m", "злотий злотого злотому злотий злотим злотому", "злоті злотих злотим злоті злотими злотих"),
    "penny": _full("m", "пенс пенса пенсу пенс пенсом пенсі", "пенси пенсів пенсам пенси пенсами пенсах"),
    "grosz": _full("m", "грош гроша грошу грош грошем гроші", "гроші грошів грошам гроші грошами грошах"),
}
CURRENCIES = {
    key: Currency(unit, _MONEY[_HUNDREDTHS[key]] if key in _HUNDREDTHS else None) for key, unit in _MONEY.items()
}
MAGNITUDE_NOUNS = {
    10**3: noun("тисяч fh"), 10**6: noun("мільйон m"), 10**9: noun("мільярд m"), 10**12: noun("трильйон m"),
}  # fmt: skip

_EVERYDAY = """
раз mu разів|клас mu|розділ mu|том mu|курс mu|пункт mu|сезон mu|етап mu|файл mu|студент m
учасник m|товар mu|процес mu|запит mu|тест mu|елемент mu|приклад mu|варіант mu|параметр m|символ mu|знак mu|бал m
голос mu|комп'ютер m|сервер m|телефон m|книж fk|сторін fk|помил fk|кноп fk|пап fk|вклад fk|таблет fk|лож fk|чаш fk
склян fk|карт fk карток|крап fk|точ fk|дівчин fk дівчинок|жін fk|спроб f|команд f|частин f|причин f|країн f|машин f
квартир f|кімнат f|літер f|груп f|умов f|мов f|програм f|цифр f
таблиц fh|вулиц fh|задач fh|міст n|яблук n
завданн ns завдань
питанн ns питань|запитанн ns запитань|повідомленн ns повідомлень|значенн ns значень|рішенн ns рішень|столітт ns століть
верс fi|порц fi|станц fi|функц fi|позиц fi|інструкц fi|лекц fi|операц fi|лін fi|фотограф fi|доб f діб
капсул f|хлібин f|доз f|краплин f|упаков fk|пляш fk|бан fk
короб fk|мис fk|сторон f сторін|сум f|оцін fk|цибулин f|зупин fk
платформ f|секц fi|схем f|фраз f|дум fk|новин f|дівчин f дівчат|доч fk|сестр f сестер|кіш fk|рук f|голов f голів
картин f|ламп f
камер f|сес fi|ліценз fi|опц fi|морквин f|пар f|змін f|хвил fs|глав f|особ f осіб
"""
_IRREGULAR = (
    ("m", "тиждень тижня тижню тиждень тижнем тижні", "тижні тижнів тижням тижні тижнями тижнях"),
    ("m", "поверх поверху поверху поверх поверхом поверсі", "поверхи поверхів поверхам поверхи поверхами поверхах"),
    ("m", "урок уроку уроку урок уроком уроці", "уроки уроків урокам уроки уроками уроках"),
    ("m", "крок кроку кроку крок кроком кроці", "кроки кроків крокам кроки кроками кроках"),
    ("m", "рядок рядка рядку рядок рядком рядку", "рядки рядків рядкам рядки рядками рядках"),
    ("m", "будинок будинку будинку будинок будинком будинку", "будинки будинків будинкам будинки будинками будинках"),
    ("m", "стіл стола столу стіл столом столі", "столи столів столам столи столами столах"),
    ("m", "рівень рівня рівню рівень рівнем рівні", "рівні рівнів рівням рівні рівнями рівнях"),
    ("f", "книга книги книзі книгу книгою книзі", "книги книг книгам книги книгами книгах"),
    ("f", "пісня пісні пісні пісню піснею пісні", "пісні пісень пісням пісні піснями піснях"),
    ("f", "ніч ночі ночі ніч ніччю ночі", "ночі ночей ночам ночі ночами ночах"),
    ("f", "річ речі речі річ річчю речі", "речі речей речам речі речами речах"),
    ("f", "стаття статті статті статтю статтею статті", "статті статей статтям статті статтями статтях"),
    ("n", "слово слова слову слово словом слові", "слова слів словам слова словами словах"),
    ("n", "вікно вікна вікну вікно вікном вікні", "вікна вікон вікнам вікна вікнами вікнах"),
    ("n", "місце місця місцю місце місцем місці", "місця місць місцям місця місцями місцях"),
    ("n", "поле поля полю поле полем полі", "поля полів полям поля полями полях"),
    ("n", "речення речення реченню речення реченням реченні", "речення речень реченням речення реченнями реченнях"),
)
NOUNS: tuple[Noun, ...] = (
    *UNITS.values(),
    *_MONEY.values(),
    *MAGNITUDE_NOUNS.values(),
    *(noun(spec) for line in _EVERYDAY.strip().splitlines() for spec in line.split("|")),
    *(_full(*forms) for forms in _IRREGULAR),
)
