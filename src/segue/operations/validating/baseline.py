"""How fast a deployment speaks, as it was measured, and whether another measurement is slower: a ratio with doubt."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, fmean, variance
from typing import Any

from segue.errors import InvalidRequest
from segue.operations.report import Check, Figure, Level

KIND = "segue baseline"
SLOWER = 1.5
"""A response time that grew by more than half counts as degraded."""
HEARD_MS = 50.0
"""Nobody hears a difference below it, however large the ratio is."""
CONFIDENCE = 0.95
LEAST = 2
"""Runs of each text without which nothing can be said of their spread."""
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "short": "A short test.",
        "middle": "A test of middle length, to see how fast the voice is.",
        "long": "A long test of several parts: it begins slowly, goes on for a while, and ends when all of it is said.",
    },
    "uk": {
        "short": "Коротка перевірка.",
        "middle": "Перевірка середньої довжини, щоб побачити, який голос швидкий.",
        "long": "Довга перевірка з кількох частин: вона починається поволі, триває певний час і закінчується.",
    },
    "ru": {
        "short": "Короткая проверка.",
        "middle": "Проверка средней длины, чтобы увидеть, насколько быстр голос.",
        "long": "Длинная проверка из нескольких частей: она начинается медленно, длится какое-то время и кончается.",
    },
    "zh": {
        "short": "简短的测试。",
        "middle": "一个中等长度的测试，看看声音有多快。",
        "long": "一个由几个部分组成的长测试：它慢慢开始，持续一段时间，全部说完之后才结束。",
    },
}
"""What is spoken, by language."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Times in milliseconds of every run, by text."""

    language: str
    at_us: int
    took_ms: Mapping[str, Sequence[float]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of which version and place they are, and which `providers` spoke."""

    def as_dict(self) -> dict[str, Any]:
        """It as plain values."""
        took = {name: [round(each, 3) for each in runs] for name, runs in self.took_ms.items()}
        return {
            "kind": KIND,
            "language": self.language,
            "at_us": self.at_us,
            "took_ms": took,
            "facts": dict(self.facts),
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """By which factor times grew, and between which bounds that lies with the confidence that was asked for."""

    value: float
    low: float
    high: float
    n: int


def baseline_of(plain: Any, name: str) -> Baseline:
    """The baseline that plain values hold; `name` is their file.

    Raises:
        InvalidRequest: they hold none.
    """
    try:
        if plain["kind"] != KIND:
            raise ValueError
        took = {str(text): [float(each) for each in runs] for text, runs in plain["took_ms"].items()}
        if not took or any(not 0 < each < math.inf for runs in took.values() for each in runs):
            raise ValueError
        return Baseline(str(plain["language"]), int(plain["at_us"]), took, dict(plain["facts"]))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InvalidRequest(f"{name} is no baseline; measure one with `segue validate --measure FILE`.") from error


def ratio(before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]) -> Ratio | None:
    """By which factor the times of the texts grew, text by text on a logarithmic scale; None where too little is there.

    The bounds are Welch's: one-sided at `CONFIDENCE` each.
    """
    texts = [text for text in before if min(len(before[text]), len(after.get(text, ()))) >= LEAST]
    if not texts:
        return None
    grown, spread, weight, n = 0.0, 0.0, 0.0, 0
    for text in texts:
        for sign, runs in ((-1.0, before[text]), (1.0, after[text])):
            logs = [math.log(each) for each in runs]
            error = variance(logs) / len(logs)
            grown += sign * fmean(logs)
            spread += error
            weight += error * error / (len(logs) - 1)
            n += len(logs)
    mean, deviation = grown / len(texts), math.sqrt(spread) / len(texts)
    freedom = spread * spread / weight if weight else math.inf
    reach = deviation * quantile(CONFIDENCE, freedom)
    return Ratio(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach), n)


def quantile(share: float, freedom: float) -> float:
    """A quantile of Student's distribution, by the expansion of Cornish and Fisher: within 2 % from 3 degrees on."""
    z = NormalDist().inv_cdf(share)
    if math.isinf(freedom):
        return z
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def compared(before: Baseline | None, after: Baseline) -> Check:  # noqa: PLR0911 - one return for each outcome
    """Whether it is slower than it was."""
    name = "performance.synthesis"
    times = sorted(each for runs in after.took_ms.values() for each in runs)
    if not times:
        return Check(name, Level.FAIL, "Nothing was spoken, so no time could be taken.")
    figures = _figures(times)
    here = (
        f"Mean {figures['mean_ms']} ms; the 95th percentile of {len(times)} is {_which(times)}, {figures['p95_ms']} ms"
    )
    if before is None:
        why = f"{here}. There is no baseline to compare with."
        return Check(
            name, Level.NOT_MEASURED, why, figures, "Measure one while all is well: segue validate --measure FILE"
        )
    if before.language != after.language:
        why = f"{here}. The baseline is of {before.language}, this is of {after.language}."
        return Check(name, Level.NO_DATA, why, figures, f"Compare the same language: --language {before.language}")
    spoke, speaks = _providers(before), _providers(after)
    if spoke and speaks and not spoke & speaks:
        why = f"{here}. Others spoke in the baseline: {', '.join(sorted(spoke))}, and now {', '.join(sorted(speaks))}."
        hint = "Compare with times of the same voice, measured while all was well: --baseline FILE"
        return Check(name, Level.NOT_MEASURED, why, figures, hint)
    found = ratio(before.took_ms, after.took_ms)
    if found is None:
        return Check(name, Level.NO_DATA, f"{here}. Too few runs to compare.", figures, "Take at least 2: --runs 5")
    figures |= {"ratio": round(found.value, 3), "low": round(found.low, 3), "high": round(found.high, 3)}
    said = f"{here}. It takes {found.value:.2f} times as long as before ({found.low:.2f} to {found.high:.2f} at 95 %)"
    if (found.high - 1.0) * mean_ms(before) < HEARD_MS:
        return Check(name, Level.PASS, f"{said}; that is less than {HEARD_MS:g} ms in any case.", figures)
    if found.low > SLOWER:
        return Check(
            name, Level.FAIL, f"{said}: slower by more than half.", figures, "segue latency-audit shows where."
        )
    if found.high > SLOWER:
        return Check(name, Level.WARN, f"{said}: that does not settle it.", figures, "Take more runs with --runs 15.")
    return Check(name, Level.PASS, f"{said}.", figures)


def measured(found: Baseline, place: str) -> Check:
    """A measurement that is kept somewhere, to be compared with later."""
    figures = _figures(sorted(each for runs in found.took_ms.values() for each in runs))
    said = f"A text of three takes {figures['mean_ms']} ms in the mean of {figures['n']}; kept in {place}."
    return Check("performance.measured", Level.PASS, said, figures)


def mean_ms(baseline: Baseline) -> float:
    """The mean of all its times, in milliseconds."""
    return fmean(each for runs in baseline.took_ms.values() for each in runs)


def _providers(baseline: Baseline) -> set[str]:
    """Who spoke; nobody where an older file does not say."""
    told = baseline.facts.get("providers")
    return {str(each) for each in told} if isinstance(told, list) else set()


def _figures(times: Sequence[float]) -> dict[str, Figure]:
    """Mean and 95th percentile by the nearest rank of sorted times."""
    rank = math.ceil(0.95 * len(times))
    return {"n": len(times), "mean_ms": round(fmean(times), 1), "p95_ms": round(times[rank - 1], 1)}


def _which(times: Sequence[float]) -> str:
    return "their largest" if math.ceil(0.95 * len(times)) == len(times) else "by the nearest rank"
