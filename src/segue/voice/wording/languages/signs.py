"""How quantities are abbreviated in writing, in Latin and Cyrillic letters alike: sign → what it stands for.

The names on the left are keys, shared by all languages; each language gives them its own noun. A reply in Ukrainian
may well say `16 GB` or `60 fps`, so every language reads every sign.
"""

_UNITS = """
kilometre km км 公里 千米
metre m м 米
decimetre dm дм
centimetre cm см 厘米
millimetre mm мм 毫米
micrometre µm μm мкм
nanometre nm нм
mile mi 英里
foot ′ ft 英尺
inch ″ дюйм. 英寸
hectare ha га 公顷
square_metre m² m2 m^2 м² м2 м^2 кв.м кв.м. м.кв. sqm 平方米
square_kilometre km² km2 км² км2 кв.км 平方公里
square_centimetre cm² cm2 см² см2
cubic_metre m³ m3 m^3 м³ м3 куб.м 立方米
cubic_centimetre cm³ cm3 см³ см3
tonne t т 吨
kilogram kg кг 公斤 千克
gram g г гр 克
milligram mg мг 毫克
microgram µg μg mcg мкг
pound_mass lb lbs 磅
ounce oz
litre l L л 升
millilitre ml mL мл 毫升
hour h hr hrs год год. ч 小时
minute min хв хв. мин мин. 分钟
second s sec с сек сек. 秒
millisecond ms мс 毫秒
microsecond µs μs мкс
nanosecond ns нс
byte B Б
bit bit біт бит
hertz Hz Гц гц 赫兹
watt W Вт вт 瓦
volt V В
kilovolt kV кВ
ampere А
milliampere mA мА
ohm Ω Ом
joule J Дж
kilojoule kJ кДж
calorie cal кал
kilocalorie kcal ккал
pascal Pa Па
kilopascal kPa кПа
newton Н
decibel dB дБ
kilowatt_hour kWh кВт·год кВт*год кВтг кВт·ч кВт*ч кВт⋅год кВт⋅ч кВт-год кВт-ч
milliampere_hour mAh мАч мА·год мА·ч
horsepower hp к.с. л.с.
pixel px пікс. пикс.
megapixel MP Мп мп
frame_per_second fps FPS кадр/с к/с
revolution_per_minute rpm об/хв об/мин
beat_per_minute bpm уд/хв уд/мин
percent % ％
permille ‰
degree °
celsius °C ℃ °С
fahrenheit °F ℉
kelvin K К
piece pcs шт шт.
month mo мес мес. міс міс.
day сут сут. дн. дн доб.
person чол. чел.
tablespoon tbsp ст.л.
teaspoon tsp ч.л.
"""
_PREFIXES = {"kilo": "к k K К", "mega": "М M м", "giga": "Г G г", "tera": "Т T"}
_PREFIXED = {
    "byte": "Б B б",
    "bit": "біт бит bit b бит",
    "hertz": "Гц Hz гц",
    "watt": "Вт W вт",
}
_CURRENCIES = """
dollar $ USD US$ дол. дол долл. долл 美元
euro € EUR 欧元
pound £ GBP 英镑
hryvnia ₴ грн. грн UAH 格里夫纳
rouble ₽ руб. руб RUB RUR 卢布
yuan CNY RMB CN¥ 元 块 人民币
yen ¥ JPY JP¥ 日元
zloty zł PLN
franc CHF
tenge ₸ KZT
bitcoin ₿ BTC
rupee ₹ INR
kopeck коп. коп
cent ¢
"""


def _table(block: str) -> dict[str, str]:
    """Sign → key, from lines of `key sign sign …`."""
    rows = (line.split(" ") for line in block.strip().splitlines())
    return {sign: key for key, *signs in rows for sign in signs}


UNIT_SIGNS = {
    **{
        prefix + sign: name + stem
        for stem, signs in _PREFIXED.items()
        for name, prefixes in _PREFIXES.items()
        for prefix in prefixes.split(" ")
        for sign in signs.split(" ")
    },
    **_table(_UNITS),
}
CURRENCY_SIGNS = _table(_CURRENCIES)
PREFIXED_UNITS = tuple((prefix, stem) for stem in _PREFIXED for prefix in _PREFIXES)
# Names in front of a number with a point that is a version, not a fraction: Python 3.11.
VERSIONED = (
    "v|python|ubuntu|debian|java|php|node|js|http|tls|ssl|usb|bluetooth|android|ios|macos|windows|linux|kernel|postgresql|"
    "postgres|mysql|redis|django|gpt|claude|llama|qwen|gemini|kotlin|swift|go|ruby|rust|api|openssl|chrome|firefox|numpy|"
    "pandas|react|cuda|pytorch"
)
TIMES_OF_DAY = ("hour", "minute", "second", "millisecond", "day", "week", "month", "year")
