"""What the environment of one machine may take away from a rollout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from segue.errors import ConfigurationError
from segue.routing import BASIS, Exposure, Restrictions, RoutingTable, Variant, read_restrictions, restrict
from segue.settings import restrictions

TABLE = RoutingTable(4, Variant("steady"), Exposure("chirp3/1", 0, Variant("new"), 5000))


def test_nothing_set_restricts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables, or without a prefix, the table stays as it is."""
    monkeypatch.setenv("_ENABLED", "false")
    for prefix in ("CHIRP3", ""):
        assert restrict(TABLE, restrictions(prefix)) == TABLE
    assert restrict(RoutingTable(), Restrictions(enabled=False)) == RoutingTable()


def test_each_variable_takes_something_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """On or off, a share at most, the characters that may, and no other synthesizer; those of other prefixes do not."""
    for name, value in {
        "CHIRP3_ENABLED": " Yes ",
        "CHIRP3_ROLLOUT_PERCENTAGE": "12.5",
        "CHIRP3_ENABLED_CHARACTERS": "pip_boy, nick ,",
        "CHIRP3_FALLBACK_TO_WAVENET": "false",
        "OTHER_ENABLED": "false",
    }.items():
        monkeypatch.setenv(name, value)
    found = restrictions("CHIRP3")
    restricted = restrict(TABLE, found)

    assert found == Restrictions(True, 1250, ("pip_boy", "nick"), fallback=False)
    assert restricted.exposure is not None
    assert restricted.exposure.candidate == Variant("new", fallback=False)
    assert restricted.exposure.restrictions == found
    assert (restricted.version, restricted.exposure.share_bp) == (TABLE.version, 5000)
    assert str(found) == (
        "at most 12.5 % hear the candidate; only pip_boy, nick may; only its own synthesizer speaks for the candidate"
    )


@pytest.mark.parametrize("word", ["false", "0", "no", "OFF"])
def test_off_is_nobody(word: str) -> None:
    """Any of the words for off keeps the candidate from this machine."""
    found = read_restrictions("CHIRP3", {"CHIRP3_ENABLED": word})
    assert not found.allow("anybody")
    assert str(found) == "nobody hears the candidate"


def test_any_fallback_that_is_off_is_off() -> None:
    """Several synthesizers may be named; one that is forbidden forbids them all."""
    variables = {"CHIRP3_FALLBACK_TO_ESPEAK": "true", "CHIRP3_FALLBACK_TO_WAVENET": "no"}
    assert not read_restrictions("CHIRP3", variables).fallback
    with pytest.raises(ConfigurationError, match="CHIRP3_FALLBACK_TO_X="):
        read_restrictions("CHIRP3", {**variables, "CHIRP3_FALLBACK_TO_X": "perhaps"})


@pytest.mark.parametrize("text", ["", " ", ","])
def test_an_empty_list_is_nobody_and_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list of characters lets none through, and the log says how to let all through."""
    monkeypatch.setenv("CHIRP3_ENABLED_CHARACTERS", text)
    with capture_logs() as logs:
        found = restrictions("CHIRP3")

    assert found.characters == ()
    assert not found.allow("pip_boy")
    assert not found.allow(None)
    assert [(line["log_level"], line["variable"]) for line in logs] == [("warning", "CHIRP3_ENABLED_CHARACTERS")]


def test_a_star_is_everybody() -> None:
    """A star alone restricts nothing."""
    assert read_restrictions("CHIRP3", {"CHIRP3_ENABLED_CHARACTERS": "*"}) == Restrictions()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ENABLED", ""),
        ("ENABLED", "maybe"),
        ("ROLLOUT_PERCENTAGE", ""),
        ("ROLLOUT_PERCENTAGE", "ten"),
        ("ROLLOUT_PERCENTAGE", "-1"),
        ("ROLLOUT_PERCENTAGE", "100.1"),
        ("ROLLOUT_PERCENTAGE", "nan"),
        ("ROLLOUT_PERCENTAGE", "Infinity"),
        ("ENABLED_CHARACTERS", '["pip_boy"]'),
        ("ENABLED_CHARACTERS", "*,pip_boy"),
        ("FALLBACK_TO_WAVENET", "wavenet"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, text: str) -> None:
    """A value that says nothing is an error that names the variable, not a guess."""
    with pytest.raises(ConfigurationError, match=f"CHIRP3_{name}="):
        read_restrictions("CHIRP3", {f"CHIRP3_{name}": text})


@given(st.integers(0, BASIS))
def test_a_percentage_is_read_to_the_basis_point(share_bp: int) -> None:
    """Every share that can be told in percent with two digits is read as it is written."""
    text = f"{share_bp // 100}.{share_bp % 100:02}"
    assert read_restrictions("P", {"P_ROLLOUT_PERCENTAGE": text}).share_bp == share_bp


def test_a_share_is_rounded_down() -> None:
    """What is finer than a basis point is not given."""
    assert read_restrictions("P", {"P_ROLLOUT_PERCENTAGE": "9.999%"}).share_bp == 999
