"""Looks at a deployment after it was brought back: its health, every provider, real speech both ways, and its speed."""

import base64
import io
import wave
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from segue.clock import Clock
from segue.errors import InvalidRequest, SegueError, Unavailable
from segue.operations.listening.sound import flaws, measure
from segue.operations.listening.voiceprint import voiceprint
from segue.operations.ports import Answer, Asking
from segue.operations.report import Check, Level
from segue.operations.validating.baseline import TEXTS, Baseline, compared
from segue.operations.validating.criteria import judge
from segue.operations.watching.scrape import Scrape, parsed

HEALTH_ASKED = 5
SENTENCES = (
    "The garden behind the bridge is full of yellow flowers.",
    "Seven rabbits walked slowly through the winter forest.",
    "Please put the silver candle on the kitchen table.",
)
"""What is said to the recognizer; each is compared with itself, and with another one that it must not be taken for."""
RECOGNIZED = "en"
"""The language whose embedded recognizer can say whether a sentence was said."""
PATIENCE = 20
"""How often a try is made again that the server's own limit put off."""
TOO_MANY = 429
TRY_S = 60.0
Tell = Callable[[int, int, str], None]
Rest = Callable[[float], None]


class Validation:
    """One look at a deployment. The server must let us try how it sounds (scope rollout:write)."""

    def __init__(self, server: Asking, clock: Clock, rest: Rest, tell: Tell) -> None:
        self._server = server
        self._clock = clock
        self._rest = rest
        self._tell = tell
        self._spoke: list[float] = []
        """1 for each try that spoke, 0 for each that did not."""
        self._took_ms: list[float] = []

    def measured(self, language: str | None = None, *, runs: int) -> Baseline:
        """How fast it speaks: so many runs of three texts, past what is kept, after one that counts for nothing.

        Raises:
            Unavailable: it does not answer, or cannot speak.
        """
        spoken = language or str(self._plain("/voice/health").get("default_language"))
        texts = TEXTS.get(spoken)
        if texts is None:
            raise InvalidRequest(f"There are no texts in {spoken}; name one of {', '.join(TEXTS)} with --language.")
        took: dict[str, list[float]] = {name: [] for name in texts}
        providers = set()
        for run in range(runs + 1):
            for name, text in texts.items():
                self._tell(run * len(texts), (runs + 1) * len(texts), f"Speed, {name}")
                answer = self._try({"text": text, "language": spoken})
                if not answer.ok:
                    raise Unavailable(f"{self._server.place} cannot speak {spoken}: {_said(answer)}")
                if run:
                    took[name].append(answer.took_ms)
                    providers.add(answer.headers.get("segue-provider", ""))
        about = self._plain("/api/settings")
        facts = {name: about.get(name) for name in ("segue", "commit", "version", "digest")}
        facts |= {"place": self._server.place, "providers": sorted(providers - {""})}
        return Baseline(spoken, round(self._clock.wall() * 1e6), took, facts)

    def checks(self, before: Baseline | None, *, runs: int, language: str | None = None) -> tuple[Check, ...]:
        """Everything that is looked at, in order; where it is not there at all, only that."""
        parts: tuple[Callable[[], list[Check]], ...] = (
            self._health,
            self._providers,
            self._recognition,
            lambda: self._speed(before, runs, language or (before.language if before else None)),
        )
        try:
            start = self._scraped()
        except SegueError as error:
            hint = "Look at the log of the server, and go back further."
            return (Check("service.answers", Level.FAIL, error.message, hint=hint),)
        found: list[Check] = []
        for index, part in enumerate(parts):
            self._tell(index, len(parts), "Validation")
            try:
                found += part()
            except SegueError as error:
                found.append(Check(f"validation.part{index + 1}", Level.FAIL, error.message))
        found.append(judge("synthesis_ratio", self._spoke, "nothing was tried"))
        found.append(judge("synthesis_ms", self._took_ms, "nothing was spoken"))
        return (*found, *self._counted(start))

    def _health(self) -> list[Check]:
        took, status = [], 0
        for _ in range(HEALTH_ASKED):
            answer = self._server.fetch("GET", "/api/health")
            took.append(answer.took_ms)
            status = max(status, answer.status)
        last = self._server.fetch("GET", "/api/ready")
        ready = last.status
        live = Level.PASS if status == 200 else Level.FAIL
        fit = Level.PASS if ready == 200 else Level.FAIL
        return [
            Check("service.live", live, f"Asked {HEALTH_ASKED} times it answered with {status} at worst."),
            Check("service.ready", fit, "It takes listeners." if ready == 200 else f"It is not ready: {_said(last)}"),
            judge("endpoint_ms", [max(took)], hint="The machine is busy, or the server is: segue latency-audit."),
        ]

    def _providers(self) -> list[Check]:
        page = self._plain("/api/providers")
        language = str(self._plain("/voice/health").get("default_language"))
        checks, able = [], []
        for item in page["items"]:
            name = f"provider.{item['role']}.{item['name']}"
            if item["state"] in ("left out", "switched off"):
                checks.append(Check(name, Level.NOT_MEASURED, f"Not asked: {item['state']} ({item['reason']})."))
            elif item["role"] != "synthesizer":
                level = Level.PASS if item["state"] == "ready" else Level.FAIL
                checks.append(Check(name, level, f"It is {item['state']}{_because(item)}.", hint=_hint(level)))
            else:
                check = self._forced(name, item, language)
                checks.append(check)
                able += [item["name"]] if check.level is Level.PASS else []
        order = [name for name in page["chains"]["synthesizers"] if name in able]
        return [*checks, _fallback(order, page["chains"]["synthesizers"])]

    def _forced(self, name: str, item: Mapping[str, Any], language: str) -> Check:
        """Let one synthesizer alone speak, and listen."""
        text = TEXTS.get(language, TEXTS["en"])["middle"]
        answer = self._try({"text": text, "language": language, "provider": item["name"]})
        if not answer.ok:
            return Check(name, Level.FAIL, f"It is {item['state']}, and could not speak: {_said(answer)}", hint=_hint())
        spoke = answer.headers.get("segue-provider", "")
        if spoke != item["name"]:
            return Check(name, Level.FAIL, f"It alone was asked, and {spoke or 'nobody'} spoke.")
        found = list(_heard(answer, text, language))
        wrong = [flaw for flaw in found if flaw[0] is Level.FAIL]
        if wrong:
            return Check(name, Level.FAIL, f"What it spoke is not sound: {wrong[0][1]}.", hint=_hint())
        return Check(
            name, Level.PASS, f"It spoke {len(answer.body):,} bytes, and they sound whole, in {answer.took_ms:.0f} ms."
        )

    def _recognition(self) -> list[Check]:
        """Speak, and let it be recognized; and let each be compared with what was not said."""
        if RECOGNIZED not in self._plain("/voice/health").get("languages", ()):
            why = f"only {RECOGNIZED} can be told word by word, and it is not configured"
            return [judge("recognition_ratio", (), why), judge("recognition_ms", (), why)]
        heard: list[float] = []
        mistaken: list[float] = []
        took: list[float] = []
        for index, sentence in enumerate(SENTENCES):
            spoken = self._try({"text": sentence, "language": RECOGNIZED})
            if not spoken.ok:
                heard.append(0.0)
                continue
            other = SENTENCES[(index + 1) % len(SENTENCES)]
            for expected, results in ((sentence, heard), (other, mistaken)):
                answer = self._recognized(spoken.body, expected)
                took.append(answer.took_ms)
                plain = answer.plain()
                results.append(float(answer.ok and isinstance(plain, dict) and bool(plain.get("text"))))
        checks = [judge("recognition_ratio", heard, "nothing could be spoken", hint="Look at segue providers.")]
        if mistaken:
            wrong = int(sum(mistaken))
            level = Level.FAIL if wrong else Level.PASS
            said = f"Of {len(mistaken)} sentences that were not said it confirmed {wrong}."
            checks.append(Check("recognition.doubts", level, said, {"confirmed": wrong, "n": len(mistaken)}))
        return [*checks, judge("recognition_ms", took, "nothing was heard")]

    def _speed(self, before: Baseline | None, runs: int, language: str | None) -> list[Check]:
        return [compared(before, self.measured(language, runs=runs))]

    def _counted(self, start: Scrape) -> Iterator[Check]:
        """What the server counted of listeners meanwhile, and its memory."""
        try:
            end = self._scraped()
        except SegueError as error:
            yield Check("service.answers", Level.FAIL, error.message)
            return
        failed, over = (_turns(end, outcomes) - _turns(start, outcomes) for outcomes in (("failed",), _OVER))
        hint = "It shows once there are listeners: segue monitor --watch"
        outcomes = [1.0] * int(failed) + [0.0] * int(max(0.0, over - failed))
        yield judge("error_ratio", outcomes, f"{over:.0f} turns ended meanwhile, and 100 are needed", hint)
        memory = [value for _, value in end.values("process_resident_memory_bytes")]
        yield judge("memory_bytes", memory, "this system does not tell the memory of a process")

    def _recognized(self, wav: bytes, expected: str) -> Answer:
        body = {"audio": base64.b64encode(wav).decode("ascii"), "language": RECOGNIZED, "expected": expected}
        return self._server.fetch("POST", "/api/voice/stt", body=body, limit_s=TRY_S)

    def _try(self, body: Mapping[str, Any]) -> Answer:
        """Try how a text sounds, past what is kept; waits where the server's own limit asks for it."""
        for _ in range(PATIENCE):
            answer = self._server.fetch("POST", "/api/voice/try", body={"cache": "bypass", **body}, limit_s=TRY_S)
            if answer.status != TOO_MANY:
                break
            self._rest(min(10.0, answer.wait_s))
        self._spoke.append(float(answer.ok))
        self._took_ms += [answer.took_ms] if answer.ok else []
        return answer

    def _scraped(self) -> Scrape:
        answer = self._server.fetch("GET", "/metrics")
        if not answer.ok:
            raise Unavailable(f"{self._server.place} answers {answer.status} instead of its metrics.")
        return parsed(answer.text, self._clock.wall())

    def _plain(self, path: str) -> dict[str, Any]:
        answer = self._server.fetch("GET", path)
        plain = answer.plain()
        if not answer.ok or not isinstance(plain, dict):
            raise Unavailable(f"{path} answered with {answer.status}: {_said(answer)}")
        return plain


_OVER = ("completed", "failed")


def _turns(scrape: Scrape, outcomes: tuple[str, ...]) -> float:
    return sum(value for labels, value in scrape.values("segue_turns_total") if labels.get("outcome") in outcomes)


def _heard(answer: Answer, text: str, language: str) -> Iterator[tuple[Level, str]]:
    """What is wrong with the sound of an answer."""
    try:
        with wave.open(io.BytesIO(answer.body)) as file:
            pcm, rate = file.readframes(file.getnframes()), file.getframerate()
    except (wave.Error, EOFError) as error:
        yield Level.FAIL, f"it is no WAV file ({error})"
        return
    mark = voiceprint(pcm, rate)
    for flaw in flaws(measure(pcm, rate), text, language, voiced_share=mark.voiced_share if mark else None):
        yield flaw.level, flaw.reason


def _fallback(able: list[str], chain: list[str]) -> Check:
    name, figures = "fallback.synthesis", {"able": len(able), "chain": len(chain)}
    if len(chain) < 2:
        why = f"There is one synthesizer, {', '.join(chain) or 'none'}, so there is nobody to fall back to."
        return Check(name, Level.NOT_MEASURED, why, figures)
    if len(able) < 2:
        said = f"Of {len(chain)} synthesizers {len(able)} spoke when it alone was asked; two are needed."
        return Check(name, Level.FAIL, said, figures, _hint())
    return Check(name, Level.PASS, f"Each of {', '.join(able)} spoke when it alone was asked.", figures)


def _because(item: Mapping[str, Any]) -> str:
    return f" ({item['reason']})" if item.get("reason") else ""


def _hint(level: Level = Level.FAIL) -> str:
    return (
        "" if level is Level.PASS else "segue providers says what failed last; switch it off with segue providers off."
    )


def _said(answer: Answer) -> str:
    plain = answer.plain()
    told = plain.get("detail") or plain.get("error") or plain.get("reasons") if isinstance(plain, dict) else None
    return str(told or answer.text[:200] or f"nothing, with {answer.status}")
