"""Asks a running server, again and again, for what watching it needs, and survives that it goes away."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from segue.clock import Clock
from segue.delivery.rollout import Phase
from segue.errors import SegueError, Unavailable
from segue.operations.ports import Answer, Asking
from segue.operations.watching.monitor import Around, absent, of_characters, promised, told
from segue.operations.watching.scrape import Scrape, parsed
from segue.operations.watching.windows import Window, between, summed
from segue.records import TurnRecord, record_from_dict

PAGE, MOST = 200, 500
KEPT_BLOCKS = 20_000
Wait = Callable[[float], None]
"""Waits for so many seconds."""


class Gathering:
    """What a server tells of itself. Not for several threads."""

    def __init__(self, asking: Asking, clock: Clock) -> None:
        self._asking = asking
        self._clock = clock
        self._blocks: dict[str, deque[Mapping[str, Any]]] = {}
        self._read: dict[str, int] = {}

    @property
    def now_s(self) -> float:
        """Unix seconds."""
        return self._clock.wall()

    def scrape(self) -> Scrape:
        """Everything it has counted by now.

        Raises:
            Unavailable: it does not answer, or refuses.
            InvalidRequest: what it answers is not of a Segue.
        """
        answer = self._asking.fetch("GET", "/metrics")
        if not answer.ok:
            raise Unavailable(f"{self._asking.place} answers {answer.status} instead of its metrics.")
        return parsed(answer.text, self._clock.wall(), _date(answer))

    def around(self, since_s: float) -> Around:
        """What it promises, and the rollouts that were live since a moment, with what each character did since."""
        objectives, rollouts = promised(None), []
        try:
            objectives = promised(self._plain("/api/voice/degradation_status"))
            listed = self._plain("/api/rollouts?limit=20")["items"]
            names = [
                each["name"] for each in listed if Phase(each["phase"]).live or (each["ended_at"] or 0.0) > since_s
            ]
            rollouts = [self._plain(f"/api/rollouts/{name}") for name in names]
            characters = {each["name"]: of_characters(self._new_blocks(each), since_s) for each in rollouts}
        except SegueError as error:
            return Around(objectives, (), error.message)
        except (KeyError, TypeError, ValueError) as error:
            return Around(objectives, (), f"{self._asking.place} answers in another form ({error!r}).")
        return Around(objectives, tuple(rollouts), characters=characters)

    def _new_blocks(self, rollout: Mapping[str, Any]) -> deque[Mapping[str, Any]]:
        """The blocks of a rollout's attempt; each is asked for once."""
        name, key = rollout["name"], rollout["key"]
        kept = self._blocks.setdefault(key, deque(maxlen=KEPT_BLOCKS))
        after: int | None = self._read.get(key, 0)
        while after is not None:
            page = self._plain(f"/api/rollouts/{name}/blocks?after={after}&limit={PAGE}")
            kept.extend(page["items"])
            self._read[key] = after + len(page["items"])
            after = page["next"]
        return kept

    def _plain(self, path: str) -> Any:
        answer = self._asking.fetch("GET", path)
        if not answer.ok:
            raise Unavailable(f"{path.partition('?')[0]} answers {answer.status}: {_detail(answer)}")
        return answer.plain()


def windows(
    gathering: Gathering, wait: Wait, interval_s: float, window_s: float, before: Scrape | None = None
) -> Iterator[dict[str, Any]]:
    """One window after another, as `told` has them, without end; `before` is an earlier reading to begin with.

    A server that is away is told as a window of its own; the next one reaches back to the last reading there was.
    """
    steps: deque[Window] = deque()
    latest, asked_s, again = before, gathering.now_s, False
    while True:
        if again:
            wait(interval_s)
        again, earlier_s, asked_s = True, asked_s, gathering.now_s
        try:
            scrape = gathering.scrape()
        except SegueError as error:
            yield absent(earlier_s, asked_s, error.message)
            continue
        if latest is not None:
            steps.append(between(latest, scrape))
            while len(steps) > 1 and steps[0].began_s < scrape.at_s - window_s - interval_s / 2.0:
                steps.popleft()
            window = summed(steps)
            yield told(window, scrape, gathering.around(window.began_s))
        latest = scrape


def _date(answer: Answer) -> float | None:
    try:
        return parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return None


def _detail(answer: Answer) -> str:
    plain = answer.plain()
    return str(plain.get("detail", "")) if isinstance(plain, dict) else answer.text[:100]


def turns(asking: Asking, since_s: float, tell: Callable[[int], None] = lambda _: None) -> list[TurnRecord]:
    """The records of turns from a moment on, newest first; `tell` hears how many there are by now.

    Raises:
        Unavailable: nobody answers, or the server refuses or is another version's.
    """
    found: list[TurnRecord] = []
    cursor = ""
    while True:
        answer = asking.fetch("GET", f"/api/turns?limit={MOST}{cursor}")
        if not answer.ok:
            raise Unavailable(f"/api/turns answers {answer.status}: {_detail(answer)}")
        page = answer.plain()
        try:
            records = [record_from_dict(plain) for plain in page["items"]]
            following = page["next"]
        except (KeyError, TypeError, ValueError) as error:
            why = f"Its records have another form ({error}); ask with the `segue` of the server's own version."
            raise Unavailable(why) from error
        found += [record for record in records if record.at >= since_s]
        tell(len(found))
        if following is None or any(record.at < since_s for record in records):
            return found
        cursor = f"&cursor={quote(following)}"
