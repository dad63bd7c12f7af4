"""The page of a release as Markdown. Pure."""

from collections.abc import Iterator

from segue.operations.release.page import Block, Items, Page, Plot, Rows, Words


def markdown(page: Page) -> str:
    """The page as Markdown; what a plot shows is told in words."""
    return "\n".join(_lines(page)) + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield f"# {page.title}: {page.verdict}"
    yield f"\n{page.subtitle}"
    for number, section in enumerate(page.sections, 1):
        yield f"\n## {number}. {section.title}"
        for block in section.blocks:
            yield ""
            yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Words):
        yield block.text
    elif isinstance(block, Items):
        yield from (f"- {text}" for text in block.texts)
    elif isinstance(block, Plot):
        yield f"{block.title}: {block.told}"
    else:
        yield from _table(block)


def _table(rows: Rows) -> Iterator[str]:
    yield f"| {' | '.join(rows.heading)} |"
    yield f"| {' | '.join('---' for _ in rows.heading)} |"
    for row in rows.rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in row)} |"
