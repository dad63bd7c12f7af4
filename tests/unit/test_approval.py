"""Who must agree before a stage, and the link by which they do once."""

from segue.delivery.approval import asked, awaited, fits, path
from segue.delivery.commands import ALREADY, objection
from segue.delivery.rollout import Command, Verb
from tests.underway import NOW, rollout


def refused(nonce: str = "", stage: str = "", **changes: object) -> str:
    """Why an approval is refused; empty when it is not."""
    found = objection(rollout(**changes), Command(Verb.APPROVE, nonce=nonce, stage=stage), now=NOW)
    return found.code if found else ""


def test_only_the_next_stage_is_asked_for() -> None:
    """A stage that asks for approval is asked for from the one before it, and from no other."""
    assert (asked(rollout()), awaited(rollout())) == (1, 1)
    assert asked(rollout(stage=1)) is None
    assert asked(rollout(stage=2)) is None
    assert asked(rollout(stage=3)) is None


def test_what_is_approved_is_awaited_no_more() -> None:
    """Once somebody has agreed, nobody is asked again."""
    of = rollout(approved=("half",))
    assert (asked(of), awaited(of)) == (1, None)
    assert refused(approved=("half",)) == ALREADY


def test_an_approval_names_the_next_stage_or_none() -> None:
    """An approval without a name is for the next stage; one of a later stage is refused."""
    assert refused() == ""
    assert refused(stage="half") == ""
    assert refused(stage="all") == "approval"


def test_a_link_holds_for_its_nonce_only() -> None:
    """A link with another word than the rollout's, an older one or a used one, is refused."""
    assert refused(nonce="abc") == ""
    assert refused(nonce="abd") == "link"
    assert not fits(rollout(nonce=""), "")


def test_a_used_link_is_told_as_such() -> None:
    """Who opens the link after another has used it is told that, and not merely that it is approved."""
    assert refused(nonce="abc", approved=("half",)) == ALREADY
    of = rollout(nonce="new", approved=("half",))
    found = objection(of, Command(Verb.APPROVE, nonce="abc"), now=NOW)
    assert found is not None
    assert found.code == "link"


def test_the_path_carries_the_nonce() -> None:
    """The link leads to this rollout and carries its word."""
    assert path(rollout()) == "/api/rollouts/chirp3/approval?nonce=abc"
