"""How fast text becomes speakable: microseconds a sentence on the corpus, and a megabyte of hostile text.

    python benchmarks/speakable.py [--hostile BYTES]

Prints one table. The hostile texts repeat one piece that tempts patterns to backtrack; the time must grow with the
length and not with its square, so every one is run at a quarter of the length too, and the ratio is shown.
"""

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from segue.voice.speakable import speakable

CORPUS = Path(__file__).parents[1] / "tests" / "corpus" / "speakable"
HOSTILE = ("[", "*", "|", "<", "`", "7", "[a](", "_a ", "~~a", "$", "(", "\n", "1 ", "1,", "<b x=1 ", "21.11.2026 ")


def seconds(text: str, language: str) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    speakable(text, language)
    return time.perf_counter() - start


def sentences(language: str) -> list[str]:
    """The written side of every line of a corpus."""
    lines = (CORPUS / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" => ")[0].replace("\\n", "\n") for line in lines if " => " in line]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hostile", type=int, default=1_000_000, metavar="BYTES", help="length of the hostile texts")
    size = parser.parse_args().hostile
    console = Console()
    table = Table("what", "time", "growth x4")
    for language in ("en", "ru", "uk", "zh"):
        texts = sentences(language)
        speakable(texts[0], language)
        each_us = sorted(1e6 * seconds(text, language) for text in texts)
        table.add_row(
            f"{len(texts)} lines of {language}, p50 and p95",
            f"{each_us[len(texts) // 2]:.0f} µs, {each_us[len(texts) * 95 // 100]:.0f} µs",
            "",
        )
    for piece in track(HOSTILE, "hostile", console=console):
        text = (piece * (size // len(piece) + 1))[:size]
        short, whole = seconds(text[: size // 4], "uk"), seconds(text, "uk")
        table.add_row(escape(f"{size} characters of {piece!r}"), f"{whole:.2f} s", f"{whole / short:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
