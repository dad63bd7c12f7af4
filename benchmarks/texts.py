"""Replies for the benchmark: what an assistant says, in the four languages, each of at least three sentences."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """A reply and its language."""

    language: str
    text: str


REPLIES = (
    Said(
        "en",
        "The next train to the coast leaves at ten past nine. It stops at every village on the way. "
        "Take a seat in the first two carriages, because the others stay behind. Have a pleasant journey.",
    ),
    Said(
        "en",
        "Yes, the library is open until eight this evening. You can bring the books back to the desk by the door. "
        "Two of them are a week late, so there is a small fee.",
    ),
    Said(
        "uk",
        "Аптека біля вокзалу працює до десятої вечора. Ліки за рецептом видають у другому вікні. "
        "Візьміть із собою паспорт, бо без нього рецепт не приймуть. Дорога займе п'ять хвилин.",
    ),
    Said(
        "uk",
        "Так, завтра буде дощ, але вже після обіду. Зранку можна спокійно піти до парку. "
        "Увечері похолодає, тому візьміть теплу куртку.",
    ),
    Said(
        "ru",
        "Музей открыт каждый день, кроме понедельника. Билеты продают в кассе справа от входа. "
        "Детям до семи лет вход свободный. Экскурсия начинается в полдень.",
    ),
    Said(
        "ru",
        "Суп нужно варить на слабом огне около часа. Потом добавьте соль и мелко нарезанную зелень. "
        "Дайте ему постоять под крышкой ещё немного, и можно подавать на стол.",
    ),
    Said(
        "zh", "下一班去海边的火车九点十分开。它在每个村子都会停一下。请坐前面两节车厢，因为后面的不走。祝您旅途愉快。"
    ),
    Said("zh", "好的，图书馆今天晚上八点关门。您可以把书还到门口的柜台。有两本已经过期一周，所以要付一点钱。"),
)

PLACES = ("coast", "old town", "airport", "lake", "harbour", "market", "museum", "castle", "river", "forest", "valley")
ROUTES = tuple(
    Said(
        "en", f"The next train to the {place} leaves at ten past nine in the morning. Please take the second platform."
    )
    for place in PLACES
)
"""About six seconds of speech each; different texts, because scripted lateness is drawn from the text."""
