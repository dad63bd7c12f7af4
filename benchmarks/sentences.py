"""Sentence splitting in a stream: Segue's assembler beside others, on the hand-marked corpora of four languages.

    python -m benchmarks.sentences [--texts N] [--folder benchmarks/results]

Every text is given as tokens of 1, 3 and 7 characters and whole. Per language and splitter:

- wrong cuts (where no sentence ends; a place marked as a matter of taste is right for everyone, and so is, for
  everyone, a first piece that ends at a comma, semicolon, colon or dash) and missed ones, in tokens of 3 characters;
- how many characters after the end of the first sentence the first piece came out, token by character, where that
  piece was not cut wrongly;
- texts for which the pieces depend on how the tokens were cut;
- the CPU time for a token of 4 characters.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.report import keep, machine, now, percentile
from benchmarks.splitters import ENTRANTS, Entrant, versions
from tests.corpus.boundaries import LANGUAGES, Text, cuts, read, solid

STEPS = (1, 3, 7, 10_000)
JUDGED_STEP, TIMED_STEP = 3, 4
ROUNDS = 3
CAUTION = "Segue's rules were corrected on these texts, the others' were not."
BREATHS = ",;:—–，；：、"


@dataclass(slots=True)
class Count:
    """What one splitter did with the texts of one language."""

    texts: int = 0
    required: int = 0
    wrong: int = 0
    missed: int = 0
    changed: int = 0
    uneven: int = 0
    wrong_first: int = 0
    past: list[int] = field(default_factory=list)
    us_per_token: float = 0.0
    second_hand_wrong: int = 0
    second_hand_required: int = 0

    def figures(self) -> dict[str, Any]:
        """For the results' file."""
        return {
            "texts": self.texts,
            "sentence_ends": self.required,
            "wrong_cuts": self.wrong,
            "missed_cuts": self.missed,
            "second_hand": {"sentence_ends": self.second_hand_required, "wrong_cuts": self.second_hand_wrong},
            "texts_changed": self.changed,
            "texts_that_depend_on_tokens": self.uneven,
            "first_pieces_cut_wrongly": self.wrong_first,
            "first_pieces_timed": len(self.past),
            "first_piece_past_end_chars": {"p50": percentile(self.past, 50), "p90": percentile(self.past, 90)},
            "us_per_token": round(self.us_per_token, 2),
        }


def split(entrant: Entrant, language: str, text: str, step: int) -> tuple[list[str], int]:
    """The pieces of a text that comes in tokens of so many characters, and how much was read when the first came."""
    splitter = entrant.make(language)
    pieces: list[str] = []
    first = 0
    for begin in range(0, len(text), step):
        pieces += splitter.push(text[begin : begin + step])
        if pieces and not first:
            first = min(begin + step, len(text))
    pieces += splitter.flush()
    return [piece for piece in pieces if piece.strip()], first or len(text)


def wrong(text: Text, pieces: Sequence[str]) -> list[int]:
    """The cuts at places where none may be."""
    places = cuts(list(pieces))
    breath = bool(places) and pieces[0].rstrip()[-1] in BREATHS
    allowed = text.required | text.allowed | ({places[0]} if breath else set())
    return [place for place in places if place not in allowed]


def end_of_first(text: Text) -> int | None:
    """How many characters there are up to the first sentence's end, if the text says that there is one."""
    if not text.required:
        return None
    place = min(text.required)
    return next(end for end in range(1, len(text.text) + 1) if solid(text.text[:end]) == place)


def judge(entrant: Entrant, language: str, text: Text, count: Count) -> None:
    """Add one text to the count."""
    results = {step: split(entrant, language, text.text, step) for step in STEPS}
    places = {tuple(cuts(pieces)) for pieces, _ in results.values()}
    pieces, _ = results[JUDGED_STEP]
    count.texts += 1
    count.required += len(text.required)
    count.wrong += len(wrong(text, pieces))
    if text.second_hand:
        count.second_hand_required += len(text.required)
        count.second_hand_wrong += len(wrong(text, pieces))
    count.missed += len(text.required - set(cuts(pieces)))
    count.changed += "".join("".join(pieces).split()) != "".join(text.text.split())
    count.uneven += len(places) > 1
    end = end_of_first(text)
    if end is not None:
        by_character, read_so_far = results[1]
        if wrong(text, by_character)[:1] == cuts(by_character)[:1] != []:
            count.wrong_first += 1
        else:
            count.past.append(read_so_far - end)


def timed(entrant: Entrant, language: str, texts: Sequence[Text]) -> float:
    """Microseconds of CPU for a token, making the splitter and flushing it included; the best of some rounds."""
    tokens = sum(-(-len(text.text) // TIMED_STEP) for text in texts)
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        for text in texts:
            split(entrant, language, text.text, TIMED_STEP)
        best = min(best, time.process_time() - begin)
    return best / tokens * 1e6


async def run(texts: int | None, console: Console) -> dict[str, dict[str, dict[str, Any]]]:
    """Everything, by entrant and language. It is asynchronous only because LiveKit's streams want an event loop."""
    corpora = {language: read(language)[:texts] for language in LANGUAGES}
    results: dict[str, dict[str, dict[str, Any]]] = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=len(ENTRANTS) * sum(map(len, corpora.values())))
        for entrant in ENTRANTS:
            for language, corpus in corpora.items():
                progress.update(task, description=f"{entrant.name}, {language}")
                split(entrant, language, corpus[0].text, TIMED_STEP)  # what is loaded at first use is not counted
                count = Count()
                for text in corpus:
                    judge(entrant, language, text, count)
                    progress.advance(task)
                count.us_per_token = timed(entrant, language, corpus)
                results.setdefault(entrant.name, {})[language] = count.figures()
                await asyncio.sleep(0)
    return results


def show(results: Mapping[str, Mapping[str, Mapping[str, Any]]], console: Console) -> None:
    """The figures, for people."""
    table = Table(title=f"Sentences in a stream ({'/'.join(LANGUAGES)})", title_justify="left", title_style="bold")
    for heading in ("", "wrong", "second hand", "missed", "first p50", "p90", "uneven", "µs/token"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, languages in results.items():
        rows = [languages[language] for language in LANGUAGES]
        past = [row["first_piece_past_end_chars"] for row in rows]
        table.add_row(
            name,
            "/".join(str(row["wrong_cuts"]) for row in rows),
            "/".join(str(row["second_hand"]["wrong_cuts"]) for row in rows),
            "/".join(str(row["missed_cuts"]) for row in rows),
            "/".join(str(value["p50"]) for value in past),
            "/".join(str(value["p90"]) for value in past),
            str(sum(row["texts_that_depend_on_tokens"] for row in rows)),
            f"{min(row['us_per_token'] for row in rows):.0f}-{max(row['us_per_token'] for row in rows):.0f}",
        )
    console.print(table)
    rows = [next(iter(results.values()))[language] for language in LANGUAGES]
    console.print(
        "Texts: " + ", ".join(f"{row['texts']} {language}" for row, language in zip(rows, LANGUAGES, strict=True)),
        "; sentence ends: ",
        ", ".join(str(row["sentence_ends"]) for row in rows),
        "; of these second hand: ",
        ", ".join(str(row["second_hand"]["sentence_ends"]) for row in rows),
        sep="",
    )
    console.print(CAUTION)


def draw(results: Mapping[str, Mapping[str, Mapping[str, Any]]], path: Path) -> None:
    """Write the plot as SVG: wrong and missed cuts for each hundred sentence ends, and how late the first piece is.

    Raises:
        ImportError: matplotlib is not installed; it is among the benchmark's packages.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only the benchmark's packages have it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "segue", "font.family": "sans-serif", "font.size": 9.5})
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    names = list(results)[::-1]
    figure, panels = pyplot.subplots(1, 3, figsize=(11, 4.2), sharey=True, layout="constrained")
    for place, language in enumerate(LANGUAGES):
        rows = [results[name][language] for name in names]
        at = [index + (1.5 - place) * 0.2 for index in range(len(names))]
        shade = ("#1f7a5c", "#2f6db5", "#c2482d", "#8a929c")[place]
        for panel, key in zip(panels, ("wrong_cuts", "missed_cuts"), strict=False):
            values = [100.0 * row[key] / row["sentence_ends"] for row in rows]
            panel.barh(at, values, height=0.18, color=shade, label=language)
        past = [row["first_piece_past_end_chars"] for row in rows]
        panels[2].hlines(at, [value["p50"] for value in past], [value["p90"] for value in past], color=shade)
        panels[2].plot([value["p50"] for value in past], at, "o", color=shade, markersize=4)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].legend(frameon=False)
    titles = ("Wrong cuts", "Missed cuts", "First piece, characters late")
    notes = ("for 100 sentence ends", "for 100 sentence ends", "past the first end: median (dot) to 90th percentile")
    for panel, title, note in zip(panels, titles, notes, strict=True):
        panel.set_title(title, loc="left", fontsize=10.5)
        panel.set_xlabel(note)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(visible=True, axis="x", color="#e4e7ea", linewidth=0.8)
        panel.set_axisbelow(True)
    figure.supxlabel(CAUTION, fontsize=8, color="#8a929c")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Run, show, keep."""
    parser = argparse.ArgumentParser(description="Sentence splitting in a stream, beside others.")
    parser.add_argument("--texts", type=int, help="only so many texts of each language")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    console = Console()
    before = {"taken": now(), "machine": machine(), "versions": versions()}
    results = asyncio.run(run(arguments.texts, console))
    show(results, console)
    keep({**before, "splitters": results}, arguments.folder / "sentences.json")
    draw(results, arguments.folder / "sentences.svg")


if __name__ == "__main__":
    main()
