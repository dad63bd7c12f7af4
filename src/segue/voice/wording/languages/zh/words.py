"""Chinese words for signs, units and money, and what is said instead of what cannot be read."""

from segue.voice.wording.grammar import Abbreviation, Currency, Noun, Words
from segue.voice.wording.languages.signs import PREFIXED_UNITS

_UNITS = """
kilometre 公里 metre 米 decimetre 分米 centimetre 厘米 millimetre 毫米
micrometre 微米 nanometre 纳米 mile 英里 foot 英尺 inch 英寸
hectare 公顷 square_metre 平方米 square_kilometre 平方公里 square_centimetre 平方厘米 cubic_metre 立方米
cubic_centimetre 立方厘米 tonne 吨 kilogram 公斤 gram 克 milligram 毫克
microgram 微克 pound_mass 磅 ounce 盎司 litre 升 millilitre 毫升
hour 小时 minute 分钟 second 秒 millisecond 毫秒 microsecond 微秒
nanosecond 纳秒 byte 字节 bit 比特 hertz 赫兹 watt 瓦
volt 伏 kilovolt 千伏 ampere 安 milliampere 毫安 ohm 欧姆
joule 焦耳 kilojoule 千焦 calorie 卡路里 kilocalorie 千卡 pascal 帕
kilopascal 千帕 newton 牛顿 decibel 分贝 kilowatt_hour 千瓦时 milliampere_hour 毫安时
horsepower 马力 pixel 像素 megapixel 百万像素 frame_per_second 帧每秒 revolution_per_minute 转每分钟
beat_per_minute 次每分钟 percent 百分之 permille 千分之 degree 度 celsius 摄氏度
fahrenheit 华氏度 kelvin 开尔文 piece 件 day 天 month 个月
year 年
"""
_MONEY = """
dollar 美元 euro 欧元 pound 英镑 hryvnia 格里夫纳 rouble 卢布 yuan 元 yen 日元 zloty 兹罗提 franc 瑞士法郎 tenge 坚戈
bitcoin 比特币 rupee 卢比
"""
_PREFIXES = {"kilo": "千", "mega": "兆", "giga": "吉", "tera": "太"}
_STEMS = {"byte": "字节", "bit": "比特", "hertz": "赫兹", "watt": "瓦"}


def _nouns(block: str) -> dict[str, Noun]:
    cells = block.split()
    return {key: Noun.plain(word) for key, word in zip(cells[::2], cells[1::2], strict=True)}


UNITS = {
    **_nouns(_UNITS),
    **{prefix + stem: Noun.plain(_PREFIXES[prefix] + _STEMS[stem]) for prefix, stem in PREFIXED_UNITS},
}
PARTS = {UNITS["percent"]: "百分之", UNITS["permille"]: "千分之"}

WORDS = Words(
    units=UNITS,
    currencies={key: Currency(noun) for key, noun in _nouns(_MONEY).items()},
    magnitudes={"million": 10**6, "billion": 10**9, "thousand": 10**3},
    magnitude_nouns={
        10**3: Noun.plain("千"), 10**6: Noun.plain("百万"), 10**9: Noun.plain("十亿"), 10**12: Noun.plain("万亿"),
    },
    months={},
    signs={
        "minus": "负", "dot": "点", "at": "艾特", "slash": "斜杠", "dash": "横杠", "underscore": "下划线",
        "plus": "加", "colon": "冒号", "port": "端口", "and": "和", "number": "第", "section": "第",
        "version": "版本", "about": "大约", "of": "分之", "per_other": "每", "less": "小于",
        "more": "大于", "pi": "派", "over": "比", "by": "乘", "per": "每", "to": "比",
    },
    operators={
        "=": "等于", "+": "加", "-": "减", "×": "乘以", "÷": "除以", "±": "正负", "≈": "约等于", "≤": "小于等于",
        "≥": "大于等于", "≠": "不等于", "<": "小于", ">": "大于", "^": "的 {} 次方", "√": "根号", "∞": "无穷大",
        "²": "的平方", "³": "的立方", "∑": "求和", "∈": "属于", "∫": "积分", "∆": "德尔塔", "≡": "恒等于",
    },
    notices={"code": "代码示例", "yes": "是", "no": "否", "done": "已完成"},
    fixed={"24/7": "全天候", "C++": "C 加加", "C#": "C sharp"},
    abbreviations=(Abbreviation("vs.", "对"), Abbreviation("etc.", "等等"), Abbreviation("No.", "第", before="9")),
    own_signs={"¥": "yuan"},
    score_words="比分|比例|比率|战胜|击败|比",
    version_words="版本|第",
)  # fmt: skip
