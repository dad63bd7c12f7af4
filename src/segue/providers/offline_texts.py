"""What the offline responder says and listens for, in each language. Data only; the rules are in `offline`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """One language. Fields with `cue` are regular expressions, tried on lower-case text; the others are said."""

    say_cue: str
    time_cue: str
    date_cue: str
    more_cue: str
    model_cue: str
    about_cue: str
    help_cue: str
    thanks_cue: str
    greet_cue: str
    sum_cue: str
    operators: tuple[tuple[str, str], ...]
    numerals: tuple[str, ...]
    """The words for 0, 1, 2 …"""
    decimal: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    """Monday first."""
    date: str
    """With {day}, {month}, {year} and {weekday}."""
    time: str
    """With {time}."""
    sum: str
    """With {answer}."""
    zero: str
    greet: str
    about: str
    model: str
    help: str
    thanks: str
    other: str
    """With {heard}."""
    more: tuple[str, ...]
    further: str
    """What the profile `quality` adds to a short answer."""


EN = Texts(
    say_cue=r"(?:please\s+)?(?:say|repeat(?:\s+after\s+me)?)\b",
    time_cue=r"\bwhat(?:'s| is)? (?:the )?time\b|\btime is it\b|\bthe time now\b|\btell me the time\b",
    date_cue=r"\bwhat(?:'s| is)? (?:the |today's )?date\b|\bwhat day\b|\btoday's date\b",
    more_cue=r"\btell me (?:more|a story|something|about)\b|\bmore about\b|\bin detail\b|\bgo on\b",
    model_cue=r"\b(?:language model|gpt|llm|artificial intelligence|ai|robot|human|real person)\b",
    about_cue=r"\bsegue\b|\bwho are you\b|\bwhat are you\b|\byour name\b",
    help_cue=r"\bhelp\b|\bwhat can (?:you|i)\b|\bhow do i\b",
    thanks_cue=r"\bthank(?:s| you)\b",
    greet_cue=r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day))\b",
    sum_cue=r"\bhow much\b|\bwhat(?:'s| is)\b|\bcalculate\b|\bcompute\b",
    operators=(
        (r"\bplus\b", "+"),
        (r"\bminus\b", "-"),
        (r"\b(?:times|multiplied by)\b", "*"),
        (r"\bdivided by\b", "/"),
    ),
    numerals=(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    decimal=".",
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    date="Today is {weekday}, {day} {month} {year}.",
    time="It is {time}.",
    sum="That makes {answer}.",
    zero="Nothing can be divided by zero.",
    greet="Hello! I am the built-in voice of Segue. Ask me the time, give me a sum, or say: tell me more.",
    about=(
        "Segue carries speech between an app and its voices. It starts to speak after the first sentence, "
        "and it lets a team change a voice in stages."
    ),
    model=(
        "I am not a language model, and no person either: only a few rules that need no account and no download. "
        "Connect a real model in the configuration, and it will answer instead of me."
    ),
    help="Ask for the time or the date, a sum such as 12 times 8, ask me to say something, or say: tell me more.",
    thanks="You are welcome.",
    other=(
        "I heard: {heard}. I am a few built-in rules, not a language model, so I cannot answer that. "
        "Ask for the time, a sum, or say: tell me more."
    ),
    more=(
        "Segue speaks a reply while it is still being written.",
        "The first sentence leaves as soon as it is complete, and the next one is made while you listen.",
        "Let us try some figures: a meeting on 3 March 2027 at 14:30, in room 12.",
        "The ticket costs $49.90, and 15% of that is $7.49.",
        "The road is 384 km long, and at 96 km/h it takes 4 hours.",
        "When a voice is changed, 5% of the listeners hear it first, then 50%, then everybody.",
        "If they have to wait longer, Segue goes back by itself.",
    ),
    further="I am a few built-in rules; a language model that you connect will say more than that.",
)

UK = Texts(
    say_cue=r"(?:будь ласка,?\s+)?(?:скажи|скажіть|повтори|повторіть|промов)(?:\s+за мною)?\b",
    time_cue=r"котра (?:зараз |тепер )?година|скільки (?:зараз )?часу|який (?:зараз )?час\b",
    date_cue=r"яке (?:сьогодні|нині) число|яка (?:сьогодні )?дата|який (?:сьогодні|нині) день|сьогоднішн\w+ дат",
    more_cue=r"розкажи|розкажіть|розповід|докладніше|детальніше|продовжуй",
    model_cue=r"мовна модель|штучн\w+ інтелект|\bgpt\b|\bші\b|\bробот|\bлюдина\b",
    about_cue=r"\bsegue\b|хто ти|хто ви|що ти таке|як тебе звати|як вас звати",
    help_cue=r"допомо[жг]|що ти вмієш|що ви вмієте|що можна|як користуватис",
    thanks_cue=r"дякую|спасибі",
    greet_cue=r"привіт|вітаю|добр(?:ий|ого) (?:день|дня|ранок|ранку|вечір|вечора)|доброго здоров",
    sum_cue=r"скільки|порахуй|обчисли|дорівнює",
    operators=(
        (r"\bплюс\b|\bдодати\b", "+"),
        (r"\bмінус\b|\bвідняти\b", "-"),
        (r"\b(?:помножити|помножено|множити) на\b", "*"),
        (r"\b(?:поділити|поділено|ділити) на\b", "/"),
    ),
    numerals=("нуль", "один", "два", "три", "чотири", "п'ять", "шість", "сім", "вісім", "дев'ять", "десять"),
    decimal=",",
    months=(
        "січня",
        "лютого",
        "березня",
        "квітня",
        "травня",
        "червня",
        "липня",
        "серпня",
        "вересня",
        "жовтня",
        "листопада",
        "грудня",
    ),
    weekdays=("понеділок", "вівторок", "середа", "четвер", "п'ятниця", "субота", "неділя"),
    date="Сьогодні {weekday}, {day} {month} {year} року.",
    time="Зараз {time}.",
    sum="Буде {answer}.",
    zero="На нуль ділити не можна.",
    greet="Вітаю! Я вбудований голос Segue. Запитайте, котра година, дайте приклад або скажіть: розкажи більше.",
    about=(
        "Segue — шлюз між застосунком і його голосами. Він починає говорити після першого речення "
        "і дає команді змінювати голос поступово."
    ),
    model=(
        "Я не мовна модель і не людина: лише кілька правил, яким не потрібні ні обліковий запис, ні завантаження. "
        "Під'єднайте справжню модель у налаштуваннях, і відповідатиме вона."
    ),
    help=(
        "Запитайте годину чи дату, дайте приклад, скажімо 12 помножити на 8, попросіть щось сказати "
        "або скажіть: розкажи більше."
    ),
    thanks="Будь ласка.",
    other=(
        "Я почув: {heard}. Я лише кілька вбудованих правил, а не мовна модель, тому відповісти на це не можу. "
        "Запитайте годину, дайте приклад або скажіть: розкажи більше."
    ),
    more=(
        "Segue говорить відповідь, поки її ще пишуть.",
        "Перше речення лунає, щойно воно готове, а наступне робиться, поки ви слухаєте.",
        "Спробуймо числа: зустріч 3 березня 2027 року о 14:30, у кімнаті 12.",
        "Квиток коштує 249,50 грн, а 15% від цього — 37,43 грн.",
        "Дорога має 384 км, і на швидкості 96 км/год це 4 години.",
        "Коли змінюють голос, спершу його чують 5% слухачів, потім 50%, а потім усі.",
        "Якщо чекати доводиться довше, Segue саме повертається назад.",
    ),
    further="Я лише кілька вбудованих правил; мовна модель, яку ви під'єднаєте, скаже більше.",
)

RU = Texts(
    say_cue=r"(?:пожалуйста,?\s+)?(?:скажи|скажите|повтори|повторите|произнеси)(?:\s+за мной)?\b",
    time_cue=r"который (?:сейчас )?час|сколько (?:сейчас )?времени|какое (?:сейчас )?время",
    date_cue=r"какое (?:сегодня|сейчас) число|какая (?:сегодня )?дата|какой (?:сегодня|сейчас) день|сегодняшн\w+ дат",
    more_cue=r"расскажи|расскажите|подробнее|продолжай|продолжи",
    model_cue=r"языков\w+ модель|искусственн\w+ интеллект|\bgpt\b|\bии\b|\bробот|\bчеловек\b",
    about_cue=r"\bsegue\b|кто ты|кто вы|что ты такое|как тебя зовут|как вас зовут",
    help_cue=r"помо[жг]|что ты умеешь|что вы умеете|что можно|как пользоваться",
    thanks_cue=r"спасибо|благодар",
    greet_cue=r"привет|здравствуй|добр(?:ый|ое|ого) (?:день|дня|утро|утра|вечер|вечера)",
    sum_cue=r"сколько|посчитай|вычисли|равно",
    operators=(
        (r"\bплюс\b|\bприбавить\b", "+"),
        (r"\bминус\b|\bотнять\b", "-"),
        (r"\b(?:умножить|умножено|помножить) на\b", "*"),
        (r"\b(?:разделить|поделить|делить) на\b", "/"),
    ),
    numerals=("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять"),
    decimal=",",
    months=(
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ),
    weekdays=("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    date="Сегодня {weekday}, {day} {month} {year} года.",
    time="Сейчас {time}.",
    sum="Будет {answer}.",
    zero="На ноль делить нельзя.",
    greet="Здравствуйте! Я встроенный голос Segue. Спросите время, дайте пример или скажите: расскажи подробнее.",
    about=(
        "Segue — шлюз между приложением и его голосами. Он начинает говорить после первого предложения "
        "и позволяет команде менять голос постепенно."
    ),
    model=(
        "Я не языковая модель и не человек: всего несколько правил, которым не нужны ни учётная запись, ни загрузка. "
        "Подключите настоящую модель в настройках, и отвечать будет она."
    ),
    help=(
        "Спросите время или дату, дайте пример, скажем 12 умножить на 8, попросите что-нибудь сказать "
        "или скажите: расскажи подробнее."
    ),
    thanks="Пожалуйста.",
    other=(
        "Я услышал: {heard}. Я всего несколько встроенных правил, а не языковая модель, поэтому ответить не могу. "
        "Спросите время, дайте пример или скажите: расскажи подробнее."
    ),
    more=(
        "Segue говорит ответ, пока его ещё пишут.",
        "Первое предложение звучит, как только оно готово, а следующее делается, пока вы слушаете.",
        "Попробуем числа: встреча 3 марта 2027 года в 14:30, в комнате 12.",
        "Билет стоит 1250,50 руб., а 15% от этого — 187,58 руб.",
        "Дорога длиной 384 км, и на скорости 96 км/ч это 4 часа.",
        "Когда меняют голос, сначала его слышат 5% слушателей, потом 50%, а потом все.",
        "Если ждать приходится дольше, Segue сам возвращается назад.",
    ),
    further="Я всего несколько встроенных правил; языковая модель, которую вы подключите, скажет больше.",
)

ZH = Texts(
    say_cue=r"(?:请)?(?:你)?(?:跟我|跟着我)?(?:说一句|说一下|说|重复一下|重复)(?!说|明)",
    time_cue=r"几点|什么时间|现在的时间|报时",
    date_cue=r"几号|几月|星期几|周几|什么日期|今天的日期",
    more_cue=r"介绍|讲讲|讲个|说说|详细|继续|更多",
    model_cue=r"语言模型|大模型|人工智能|gpt|ai|机器人|真人",
    about_cue=r"segue|你是谁|你叫什么|你是什么",
    help_cue=r"帮助|帮我|你会什么|能做什么|可以做什么|怎么用",
    thanks_cue=r"谢谢|感谢|多谢",
    greet_cue=r"你好|您好|早上好|下午好|晚上好|嗨",
    sum_cue=r"多少|等于|计算|算一下|几",
    operators=((r"加上|加", "+"), (r"减去|减", "-"), (r"乘以|乘", "*"), (r"除以", "/")),
    numerals=tuple("零一二三四五六七八九十"),
    decimal=".",
    months=tuple(f"{month}月" for month in range(1, 13)),
    weekdays=("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    date="今天是{year}年{month}{day}日，{weekday}。",
    time="现在是{time}。",
    sum="等于{answer}。",
    zero="零不能做除数。",
    greet="你好！我是 Segue 的内置语音。可以问我几点了，给我一道算术题，或者说：介绍一下。",
    about="Segue 在应用和语音之间传递声音。第一句话写好就开始说，还能让团队分阶段更换语音。",
    model="我不是语言模型，也不是真人，只是几条内置的规则，不需要账号，也不需要下载。在配置里接入真正的模型，就由它来回答。",
    help="可以问时间或日期，出一道算术题，比如12乘以8，让我说一句话，或者说：介绍一下。",
    thanks="不客气。",
    other="我听到的是：{heard}。我只是几条内置的规则，不是语言模型，回答不了这个问题。可以问时间，出一道算术题，或者说：介绍一下。",
    more=(
        "Segue 一边写回答，一边说出来。",
        "第一句话一写完就播放，下一句在您听的时候准备好。",
        "来试试数字：2027年3月3日14:30，在12号房间开会。",
        "票价是249.50元，它的15%是37.43元。",
        "这条路长384公里，每小时走96公里，需要4个小时。",
        "更换语音时，先让5%的听众听到，然后是50%，最后是所有人。",
        "如果大家等得更久，Segue 会自己退回去。",
    ),
    further="我只是几条内置的规则；接入语言模型以后，回答会丰富得多。",
)

TEXTS = {"en": EN, "uk": UK, "ru": RU, "zh": ZH}
