"""Texts that nobody can have kept: a sentence of each language with words and a number that are others each time.

Most of a sentence stays the same, so that two of them can be compared by how they sound.
"""

from collections.abc import Mapping, Sequence

SENTENCES: Mapping[str, str] = {
    "en": "This evening we shall write the words {}, {} and {} and the number {} into the large blue book.",
    "uk": "Сьогодні ввечері ми запишемо слова {}, {} і {} та число {} у велику синю книгу.",
    "ru": "Сегодня вечером мы запишем слова {}, {} и {} и число {} в большую синюю книгу.",
    "zh": "今天晚上我们会把{}、{}和{}这三个词和数字{}写进那本蓝色的大书里。",
}
WORDS: Mapping[str, Sequence[str]] = {
    "en": (
        *("river", "window", "garden", "silver", "morning", "bridge", "candle", "forest", "market", "summer"),
        *("thunder", "village", "kitchen", "pepper", "ladder", "mirror", "orange", "pencil", "rabbit", "station"),
        *("ticket", "winter", "yellow", "basket", "copper", "dinner", "engine", "finger", "hammer", "island"),
        *("letter", "mountain"),
    ),
    "uk": (
        *("річка", "вікно", "садок", "срібло", "ранок", "місток", "свічка", "дорога", "ринок", "літо"),
        *("хмара", "село", "кухня", "перець", "драбина", "дзеркало", "яблуко", "олівець", "заєць", "вокзал"),
        *("квиток", "зима", "береза", "кошик", "мідь", "вечеря", "двигун", "палець", "молоток", "острів"),
        *("листок", "гора"),
    ),
    "ru": (
        *("река", "окно", "садик", "серебро", "утро", "мостик", "свеча", "дорога", "рынок", "лето"),
        *("облако", "деревня", "кухня", "перец", "лестница", "зеркало", "яблоко", "карандаш", "заяц", "вокзал"),
        *("билет", "зима", "берёза", "корзина", "медь", "ужин", "мотор", "палец", "молоток", "остров"),
        *("листок", "гора"),
    ),
    "zh": (
        *("河流", "窗户", "花园", "银色", "早晨", "桥梁", "蜡烛", "森林", "市场", "夏天"),
        *("云彩", "村庄", "厨房", "胡椒", "梯子", "镜子", "苹果", "铅笔", "兔子", "车站"),
        *("车票", "冬天", "黄色", "篮子", "铜器", "晚饭", "机器", "手指", "锤子", "岛屿"),
        *("信纸", "高山"),
    ),
}
NUMBERS = range(21, 100)
PHRASES = 32 * 31 * 30 * len(NUMBERS)
"""So many different sentences of a language there are."""


def phrase(language: str, draw: int) -> str:
    """The sentence of a language that a number stands for: two that differ by less than `PHRASES` are different.

    Raises:
        KeyError: there is no sentence of this language.
    """
    left, words = list(WORDS[language]), []
    draw, at = divmod(draw, len(NUMBERS))
    number = NUMBERS[at]
    for _ in range(3):
        draw, at = divmod(draw, len(left))
        words.append(left.pop(at))
    return SENTENCES[language].format(*words, number)
