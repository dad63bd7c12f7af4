"""What the approval page says, in each of its languages."""

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Approve the next stage",
        "now": "Now",
        "next": "After you agree",
        "hears": "{share} hear {candidate} instead of {baseline}",
        "nobody": "nobody hears {candidate}",
        "everybody": "everybody hears {candidate} instead of {baseline}",
        "cohort": "of these: {names}",
        "dwell": "for at least {dwell}",
        "stage": "stage {stage}",
        "gates": "What is known so far",
        "pass": "proved",
        "wait": "not proved yet",
        "hold": "held",
        "breach": "broken",
        "name": "Your name",
        "note": "The other conditions of the plan still hold: the share grows when all of them are met.",
        "button": "Agree to stage {stage}",
        "agreed_title": "Agreed",
        "agreed": "Stage {stage} of {rollout} may be entered. You can close this page.",
        "used_title": "This link is used or too old",
        "used": "Nothing was changed. Each link works once, and only for the stage it was sent for.",
        "unknown_title": "There is no such rollout",
        "unknown": "Nothing was changed. The link names a rollout that is not kept here.",
        "refused_title": "This cannot be approved now",
        "refused": "Nothing was changed. The reason: {reason}",
    },
    "uk": {
        "title": "Погодити наступний етап",
        "now": "Зараз",
        "next": "Після вашої згоди",
        "hears": "{share} чують {candidate} замість {baseline}",
        "nobody": "ніхто не чує {candidate}",
        "everybody": "усі чують {candidate} замість {baseline}",
        "cohort": "серед таких: {names}",
        "dwell": "щонайменше {dwell}",
        "stage": "етап {stage}",
        "gates": "Що відомо на цю мить",
        "pass": "доведено",
        "wait": "ще не доведено",
        "hold": "затримано",
        "breach": "порушено",
        "name": "Ваше ім’я",
        "note": "Решта умов плану діє й далі: частка зросте, коли всі їх буде виконано.",
        "button": "Погодити етап {stage}",
        "agreed_title": "Погоджено",
        "agreed": "Етап {stage} у {rollout} можна починати. Цю сторінку можна закрити.",
        "used_title": "Посилання вже використане або застаріле",
        "used": "Нічого не змінено. Кожне посилання діє один раз і лише для етапу, для якого його надіслано.",
        "unknown_title": "Такого розгортання немає",
        "unknown": "Нічого не змінено. Розгортання, яке називає посилання, тут не зберігається.",
        "refused_title": "Зараз погодити не можна",
        "refused": "Нічого не змінено. Причина: {reason}",
    },
    "ru": {
        "title": "Согласовать следующий этап",
        "now": "Сейчас",
        "next": "После вашего согласия",
        "hears": "{share} слышат {candidate} вместо {baseline}",
        "nobody": "никто не слышит {candidate}",
        "everybody": "все слышат {candidate} вместо {baseline}",
        "cohort": "среди таких: {names}",
        "dwell": "не меньше {dwell}",
        "stage": "этап {stage}",
        "gates": "Что известно на эту минуту",
        "pass": "доказано",
        "wait": "ещё не доказано",
        "hold": "задержано",
        "breach": "нарушено",
        "name": "Ваше имя",
        "note": "Остальные условия плана действуют по-прежнему: доля вырастет, когда все они будут выполнены.",
        "button": "Согласовать этап {stage}",
        "agreed_title": "Согласовано",
        "agreed": "Этап {stage} в {rollout} можно начинать. Эту страницу можно закрыть.",
        "used_title": "Ссылка уже использована или устарела",
        "used": "Ничего не изменено. Каждая ссылка действует один раз и только для этапа, для которого её прислали.",
        "unknown_title": "Такого развёртывания нет",
        "unknown": "Ничего не изменено. Развёртывание, которое называет ссылка, здесь не хранится.",
        "refused_title": "Сейчас согласовать нельзя",
        "refused": "Ничего не изменено. Причина: {reason}",
    },
    "zh": {
        "title": "批准下一阶段",
        "now": "目前",
        "next": "批准之后",
        "hears": "{share} 的听众听到 {candidate}，而不是 {baseline}",
        "nobody": "没有人听到 {candidate}",
        "everybody": "所有人听到 {candidate}，而不是 {baseline}",
        "cohort": "范围：{names}",
        "dwell": "至少持续 {dwell}",
        "stage": "阶段 {stage}",
        "gates": "目前已知的情况",
        "pass": "已证明",
        "wait": "尚未证明",
        "hold": "已搁置",
        "breach": "已违反",
        "name": "您的姓名",
        "note": "计划中的其他条件仍然有效：全部满足之后，比例才会增加。",
        "button": "批准阶段 {stage}",
        "agreed_title": "已批准",
        "agreed": "{rollout} 的阶段 {stage} 可以开始了。您可以关闭此页面。",
        "used_title": "链接已被使用或已过期",
        "used": "没有任何更改。每个链接只能使用一次，并且只对发送时所指的阶段有效。",
        "unknown_title": "没有这样的发布",
        "unknown": "没有任何更改。链接所指的发布不在这里。",
        "refused_title": "现在不能批准",
        "refused": "没有任何更改。原因：{reason}",
    },
}
UNITS: Mapping[str, Mapping[str, str]] = {
    "en": {},
    "uk": {"d": "д", "h": "год", "min": "хв", "s": "с"},
    "ru": {"d": "д", "h": "ч", "min": "мин", "s": "с"},
    "zh": {"d": "天", "h": "小时", "min": "分钟", "s": "秒"},
}
"""The units of time, where they are written in another way than `2 d`, `2 h`, `2 min`, `2 s`."""
FIRST = "en"


def language(accepted: str) -> str:
    """The language for an Accept-Language header (RFC 9110, 12.5.4): the best of those there are, else English."""
    best, choice = 0.0, FIRST
    for part in accepted.split(","):
        tag, _, rest = part.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = _weight(rest)
        if (code in TEXTS or code == "*") and weight > best:
            best, choice = weight, code if code in TEXTS else FIRST
    return choice


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
