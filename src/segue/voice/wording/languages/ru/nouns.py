"""Russian nouns that stand behind numbers: units, money, and everyday words.

A noun is written `key stem class [genitive plural]`, the class gives its endings; irregular ones are written out.
"""

from segue.voice.wording.grammar import Currency, Gender, Noun
from segue.voice.wording.languages.signs import PREFIXED_UNITS
from segue.voice.wording.languages.slavic import noun_of, with_adjective, with_tail

_CLASSES: dict[str, tuple[Gender, str, str]] = {
    "m": (Gender.MASCULINE, "- а у - ом е", "ы ов ам ы ами ах"),
    "m0": (Gender.MASCULINE, "- а у - ом е", "ы - ам ы ами ах"),
    "mk": (Gender.MASCULINE, "- а у - ом е", "и ов ам и ами ах"),
    "mo": (Gender.MASCULINE, "ок ка ку ок ком ке", "ки ков кам ки ками ках"),
    "ms": (Gender.MASCULINE, "ь я ю ь ем е", "и ей ям и ями ях"),
    "f": (Gender.FEMININE, "а ы е у ой е", "ы - ам ы ами ах"),
    "fk": (Gender.FEMININE, "ка ки ке ку кой ке", "ки ок кам ки ками ках"),
    "fg": (Gender.FEMININE, "а и е у ой е", "и - ам и ами ах"),
    "fs": (Gender.FEMININE, "я и е ю ей е", "и ь ям и ями ях"),
    "fh": (Gender.FEMININE, "а и е у ей е", "и - ам и ами ах"),
    "fi": (Gender.FEMININE, "ия ии ии ию ией ии", "ии ий иям ии иями иях"),
    "ft": (Gender.FEMININE, "ь и и ь ью и", "и ей ям и ями ях"),
    "n": (Gender.NEUTER, "о а у о ом е", "а - ам а ами ах"),
    "ni": (Gender.NEUTER, "ие ия ию ие ием ии", "ия ий иям ия иями иях"),
    "x": (Gender.NEUTER, "- - - - - -", "- - - - - -"),
    "xm": (Gender.MASCULINE, "- - - - - -", "- - - - - -"),
}


def noun(spec: str) -> Noun:
    """The noun of `stem class [genitive plural]`."""
    stem, kind, *rest = spec.split(" ")
    gender, ones, many = _CLASSES[kind]
    singular = [stem + ending.strip("-") for ending in ones.split(" ")]
    plural = [stem + ending.strip("-") for ending in many.split(" ")]
    if rest:
        plural[1] = rest[0]
    return noun_of(gender, " ".join(singular), " ".join(plural), nominal_paucal=False)


def _full(gender: str, singular: str, plural: str) -> Noun:
    return noun_of(Gender("mfn".index(gender)), singular, plural, nominal_paucal=False)


def _squared(unit: str) -> Noun:
    return with_adjective(
        "квадратный квадратного квадратному квадратный квадратным квадратном",
        "квадратные квадратных квадратным квадратные квадратными квадратных",
        noun(unit),
        "квадратных",
    )


def _cubic(unit: str) -> Noun:
    return with_adjective(
        "кубический кубического кубическому кубический кубическим кубическом",
        "кубические кубических кубическим кубические кубическими кубических",
        noun(unit),
        "кубических",
    )


def _feminine(singular: str, plural: str, unit: str) -> Noun:
    return with_adjective(singular, plural, noun(unit), plural.split(" ", maxsplit=1)[0])


_REGULAR = """
kilometre километр m|metre метр m|decimetre дециметр m|centimetre сантиметр m|millimetre миллиметр m
micrometre микрометр m|nanometre нанометр m|mile мил fs|foot фут m|inch дюйм m|hectare гектар m|tonne тонн f
kilogram килограмм m|gram грамм m|milligram миллиграмм m|microgram микрограмм m|pound_mass фунт m|ounce унц fi
litre литр m|millilitre миллилитр m|hour час m|minute минут f|second секунд f|millisecond миллисекунд f
microsecond микросекунд f|nanosecond наносекунд f|byte байт m0|bit бит m0|hertz герц m0|watt ватт m0|volt вольт m0
kilovolt киловольт m0|ampere ампер m0|milliampere миллиампер m0|ohm ом m|joule джоул ms|kilojoule килоджоул ms
calorie калор fi|kilocalorie килокалор fi|pascal паскал ms|kilopascal килопаскал ms|newton ньютон m
decibel децибел m0|kilowatt_hour киловатт-час m|milliampere_hour миллиампер-час m|pixel пиксел ms
megapixel мегапиксел ms|percent процент m|permille промилле x|degree градус m|kelvin кельвин m|piece штук fg
"""
_CURRENCY_UNITS = """
dollar доллар m|euro евро xm|pound фунт m|hryvnia гривн f гривен|rouble рубл ms|yuan юан ms|yen иен f
franc франк mk|tenge тенге xm|bitcoin биткоин m|rupee руп fi|kopeck копей fk копеек|cent цент m
"""
_HUNDREDTHS = {
    "dollar": "cent", "euro": "cent", "hryvnia": "kopeck", "rouble": "kopeck", "pound": "penny", "zloty": "grosz",
}  # fmt: skip


def _block(block: str) -> dict[str, Noun]:
    rows = (cell.split(" ", 1) for line in block.strip().splitlines() for cell in line.split("|"))
    return {key: noun(spec) for key, spec in rows}


YEAR = _full("m", "год года году год годом году", "годы лет годам годы годами годах")
DAY = _full("m", "день дня дню день днём дне", "дни дней дням дни днями днях")
MONTH = _full("m", "месяц месяца месяцу месяц месяцем месяце", "месяцы месяцев месяцам месяцы месяцами месяцах")
CENTURY = _full("m", "век века веку век веком веке", "века веков векам века веками веках")
_PERSON = _full("m", "человек человека человеку человека человеком человеке",
                "человек человек людям человек людьми людях")  # fmt: skip
_STEMS = {"byte": "байт m0", "bit": "бит m0", "hertz": "герц m0", "watt": "ватт m0"}
_PREFIXES = {"kilo": "кило", "mega": "мега", "giga": "гига", "tera": "тера"}

UNITS: dict[str, Noun] = {
    **_block(_REGULAR),
    **{prefix + stem: noun(_PREFIXES[prefix] + _STEMS[stem]) for prefix, stem in PREFIXED_UNITS},
    "square_metre": _squared("метр m"),
    "square_kilometre": _squared("километр m"),
    "square_centimetre": _squared("сантиметр m"),
    "cubic_metre": _cubic("метр m"),
    "cubic_centimetre": _cubic("сантиметр m"),
    "celsius": with_tail(noun("градус m"), "Цельсия"),
    "fahrenheit": with_tail(noun("градус m"), "Фаренгейта"),
    "frame_per_second": with_tail(noun("кадр m"), "в секунду"),
    "revolution_per_minute": with_tail(noun("оборот m"), "в минуту"),
    "beat_per_minute": with_tail(noun("удар m"), "в минуту"),
    "horsepower": _feminine("лошадиная лошадиной лошадиной лошадиную лошадиной лошадиной",
        "лошадиные лошадиных лошадиным лошадиные лошадиными лошадиных", "сил f"),
    "tablespoon": _feminine("столовая столовой столовой столовую столовой столовой",
        "столовые столовых столовым столовые столовыми столовых", "лож fk ложек"),
    "teaspoon": _feminine("чайная чайной чайной чайную чайной чайной",
        "чайные чайных чайным чайные чайными чайных", "лож fk ложек"),
    "day": DAY,
    "month": MONTH,
    "year": YEAR,
    "person": _PERSON,
}  # fmt: skip
_MONEY = {
    **_block(_CURRENCY_UNITS),
    "zloty": _full("m", "злотый злотого злотому злотый злотым злотом", "злотые злотых злотым злотые злотыми злотых"),
    "penny": _full("m", "пенс пенса пенсу пенс пенсом пенсе", "пенсы пенсов пенсам пенсы пенсами пенсах"),
    "grosz": _full("m", "грош гроша грошу грош грошом гроше", "гроши грошей грошам гроши грошами грошах"),
}
CURRENCIES = {
    key: Currency(unit, _MONEY[_HUNDREDTHS[key]] if key in _HUNDREDTHS else None) for key, unit in _MONEY.items()
}
MAGNITUDE_NOUNS = {
    10**3: noun("тысяч fh"), 10**6: noun("миллион m"), 10**9: noun("миллиард m"), 10**12: noun("триллион m"),
}  # fmt: skip

_EVERYDAY = """
раз m раз|шаг mk|урок mk|класс m|раздел m|этаж m этажей|том m|курс m|пункт m|сезон m|этап m|файл m|студент m
участник mk|товар m|процесс m|запрос m|тест m|элемент m|пример m|вариант m|параметр m|символ m|знак mk|балл m
голос m|компьютер m|сервер m|телефон m|стол m|книг fg|страниц f|ошиб fk|кноп fk|пап fk|вклад fk|таблет fk|лож fk ложек
чаш fk чашек|карт f|точ fk точек|девуш fk девушек|попыт fk|команд f|причин f|стран f|машин f|квартир f|комнат f|букв f
групп f|программ f|цифр f|таблиц f|улиц f|задач fh|недел fs|част ft|реч ft|верс fi|порц fi|станц fi|функц fi|позиц fi
инструкц fi|лекц fi|операц fi|лин fi|фотограф fi|мест n|слов n|яблок n
задан ni|сообщен ni|значен ni|решен ni|предложен ni
минут f|ноч ft|возможност ft|строк fg|сторон f|глав f|групп f|фаз f|тип m
"""
_IRREGULAR = (
    ("m", "рубеж рубежа рубежу рубеж рубежом рубеже", "рубежи рубежей рубежам рубежи рубежами рубежах"),
    ("m", "дом дома дому дом домом доме", "дома домов домам дома домами домах"),
    ("m", "уровень уровня уровню уровень уровнем уровне", "уровни уровней уровням уровни уровнями уровнях"),
    ("m", "город города городу город городом городе", "города городов городам города городами городах"),
    ("f", "статья статьи статье статью статьёй статье", "статьи статей статьям статьи статьями статьях"),
    ("f", "песня песни песне песню песней песне", "песни песен песням песни песнями песнях"),
    ("n", "окно окна окну окно окном окне", "окна окон окнам окна окнами окнах"),
    ("n", "поле поля полю поле полем поле", "поля полей полям поля полями полях"),
    ("n", "письмо письма письму письмо письмом письме", "письма писем письмам письма письмами письмах"),
    (
        "n",
        "столетие столетия столетию столетие столетием столетии",
        "столетия столетий столетиям столетия столетиями столетиях",
    ),
)
NOUNS: tuple[Noun, ...] = (
    *UNITS.values(),
    *_MONEY.values(),
    *MAGNITUDE_NOUNS.values(),
    CENTURY,
    *(noun(spec) for line in _EVERYDAY.strip().splitlines() for spec in line.split("|")),
    *(_full(*forms) for forms in _IRREGULAR),
)
