"""Sessions of the page: who can make one, how long it holds, and that nothing else is taken for one."""

import hashlib
import hmac

from segue.console.sessions import Seal, Session, begun

SEAL = Seal(b"s" * 32)
SESSION = Session("0123456789ab", 1_000, 5_000)
TEXT = SEAL.written(SESSION)


def test_a_session_is_read_again_until_it_ends() -> None:
    """What was written is read by whoever has the same secret, up to the very moment of its end."""
    assert Seal(b"s" * 32).read(TEXT, 4_999) == SESSION
    assert SEAL.read(TEXT, 5_000) is None


def test_nobody_else_can_write_one() -> None:
    """Another secret, another letter anywhere, a part of it or more than it: nobody is signed in by that."""
    assert Seal(b"t" * 32).read(TEXT, 2_000) is None
    for place, letter in enumerate(TEXT):
        for other in "0123456789abcdef.-":
            assert other == letter or SEAL.read(TEXT[:place] + other + TEXT[place + 1 :], 2_000) is None
    for length in range(len(TEXT)):
        assert SEAL.read(TEXT[:length], 2_000) is None
        assert SEAL.read(TEXT + TEXT[length:], 2_000) is None
    for wrong in ("", "1....", "é" * 90, TEXT.upper(), TEXT.replace("1.", "2.", 1), "1." + "9" * 10_000):
        assert SEAL.read(wrong, 2_000) is None


def test_the_key_of_the_seal_has_a_purpose() -> None:
    """The same secret signs other things too; what it signs there, without the label, is no session."""
    body = TEXT.rpartition(".")[0]
    plain = hmac.new(b"s" * 32, body.encode(), hashlib.sha256).hexdigest()
    assert SEAL.read(f"{body}.{plain}", 2_000) is None


def test_a_session_does_not_outlive_its_key() -> None:
    """It lasts as long as it may, or as long as its key."""
    assert begun("0123456789ab", 1_000, 4_000, None) == SESSION
    assert begun("0123456789ab", 1_000, 4_000, 9_000) == SESSION
    assert begun("0123456789ab", 1_000, 4_000, 2_000).ends_us == 2_000
