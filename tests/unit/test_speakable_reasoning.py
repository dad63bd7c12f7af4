"""The reasoning filter on a token stream: what is dropped, what survives, and that token borders do not matter."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.voice.wording.markup import ReasoningFilter


def through(tokens: list[str], *, starts_inside: bool = False) -> str:
    """All that a filter lets through, flush included."""
    stream = ReasoningFilter(starts_inside=starts_inside)
    return "".join(stream.push(token) for token in tokens) + stream.flush()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("<think>plan</think>Hello", "Hello"),
        ("Hi <thinking>hm</thinking>there", "Hi there"),
        ("<reasoning>a</reasoning><think>b</think>c", "c"),
        ("<THINK>a</Think>b", "b"),
        ('<think lang="en">a</think>b', "b"),
        ("[THINK]a[/THINK]b", "b"),
        ("before <think>never closed", "before "),
        ("<think>a<think>b</think>c", "c"),
        ("lone </think>answer", "lone answer"),
        ("3 < 5 and 7 > 2", "3 < 5 and 7 > 2"),
        ("a <b>c</b> [link](u)", "a <b>c</b> [link](u)"),
        ("use the `<think>` tag and go on", "use the `<think>` tag and go on"),
        ("```xml\n<think>x\n```\nafter", "```xml\n<think>x\n```\nafter"),
        ("ends with <thi", "ends with <thi"),
        ("<thinker>stays", "<thinker>stays"),
        ("", ""),
    ],
)
def test_reasoning_goes_and_words_stay(written: str, kept: str) -> None:
    """Blocks are removed; whatever only looks like a tag stays."""
    assert through([written]) == kept
    assert through(list(written)) == kept


def test_what_is_no_tag_leaves_at_once() -> None:
    """A sign that cannot begin a tag waits for nothing."""
    stream = ReasoningFilter()
    assert stream.push("3 <") == "3 "
    assert stream.push(" 5") == "< 5"
    assert stream.push(" and <t") == " and "
    assert stream.push("able>") == "<table>"


def test_a_prompt_that_opened_the_block() -> None:
    """Started inside, text waits for the closing tag; without one it was the answer."""
    assert through(["plan", "</think>", "Hello"], starts_inside=True) == "Hello"
    assert through(["Hello ", "there"], starts_inside=True) == "Hello there"
    assert through(["Hello <think>a</think> there"], starts_inside=True) == "Hello  there"


pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<think>",
                "</think>",
                "<thinking",
                ">",
                "<",
                "/",
                "think",
                "[THINK]",
                "[/THINK]",
                "[",
                "`",
                "```\n",
                "\n",
                " x=1",
            ]
        ),
        st.text(alphabet="ab <>/[]`\n", max_size=6),
    ),
    max_size=14,
).map("".join)


@given(text=pieces, cuts=st.lists(st.integers(0, 80), max_size=12), inside=st.booleans())
def test_token_borders_do_not_matter(text: str, cuts: list[int], inside: bool) -> None:
    """The same text, cut anywhere, lets the same text through."""
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    tokens = [text[start:end] for start, end in pairwise(places)]
    assert through(tokens, starts_inside=inside) == through([text], starts_inside=inside)


@given(text=st.text(alphabet="ab <>/3`\n", max_size=60))
def test_text_without_tags_passes_whole(text: str) -> None:
    """Without a tag nothing is lost and nothing changes."""
    assert through(list(text)) == text
