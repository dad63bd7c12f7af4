"""Segue behind the standard SDK for flags; with a real server in tests/web/test_assignment.py."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus

from segue.openfeature import SegueProvider
from segue.routing import BASIS, Cohort, Exposure, Restrictions, RoutingTable, Variant
from tests.rollouts import until

STEADY, NEW = Variant("steady"), Variant("new", voice="Kore", streaming=False)
ANNA = EvaluationContext("listener-1")
"""Bucket 644 of the salt `chirp3`."""


def table(share_bp: int = 5000, **changes: object) -> RoutingTable:
    """A table with a running rollout."""
    exposure = Exposure("chirp3/2", 1, NEW, share_bp, salt="chirp3", **changes)  # type: ignore[arg-type]
    return RoutingTable(9, STEADY, exposure)


class Street:
    """A client of the SDK, and the table it draws from."""

    def __init__(self) -> None:
        self.table = table()
        api.set_provider_and_wait(SegueProvider(lambda: self.table), "street")
        self.client: OpenFeatureClient = api.get_client("street")


@pytest.fixture
def street() -> Iterator[Street]:
    """A provider in this process, without a server."""
    yield Street()
    api.shutdown()


def test_a_flag_is_a_name_a_yes_or_a_variant(street: Street) -> None:
    """The same assignment as a string, a boolean and an object, with all that led to it."""
    found = street.client.get_string_details("chirp3", "nothing", ANNA)

    assert (found.value, found.variant, found.reason, found.error_code) == ("new", "new", Reason.SPLIT, None)
    assert found.flag_metadata == {
        "version": 9,
        "assigned": "share",
        "rollout": "chirp3/2",
        "stage": 1,
        "arm": "candidate",
        "bucket": 644,
    }
    assert street.client.get_boolean_value("voice", False, ANNA) is True
    assert street.client.get_object_value("voice", {}, ANNA) == asdict(NEW)
    street.table = table(644)
    assert street.client.get_string_value("voice", "nothing", ANNA) == "steady"
    assert street.client.get_boolean_value("chirp3", True, ANNA) is False


async def test_it_can_be_awaited(street: Street) -> None:
    """Evaluations that are awaited say the same."""
    assert await street.client.get_string_value_async("voice", "nothing", ANNA) == "new"


@pytest.mark.parametrize(
    ("changes", "attributes", "reason", "value"),
    [
        ({"share_bp": BASIS}, {}, Reason.TARGETING_MATCH, True),
        ({"cohort": Cohort(characters=("nick",))}, {"character": "nick"}, Reason.SPLIT, True),
        ({"cohort": Cohort(languages=("uk",))}, {"language": "uk"}, Reason.SPLIT, True),
        ({"cohort": Cohort(languages=("uk",))}, {"language": "en"}, Reason.DEFAULT, False),
        ({"cohort": Cohort(characters=("nick",))}, {}, Reason.DEFAULT, False),
        ({"dropped": ("nick",)}, {"character": "nick"}, Reason.TARGETING_MATCH, False),
        ({"restrictions": Restrictions(enabled=False)}, {}, Reason.DISABLED, False),
        ({"restrictions": Restrictions(share_bp=644)}, {}, Reason.DISABLED, False),
    ],
)
def test_the_reason_is_the_sdks_word(
    street: Street, changes: dict[str, object], attributes: dict[str, str], reason: Reason, value: bool
) -> None:
    """Cohort, dropped characters and restrictions hold here as in a turn."""
    street.table = table(**changes)  # type: ignore[arg-type]
    found = street.client.get_boolean_details("voice", not value, EvaluationContext("listener-1", attributes))
    assert (found.value, found.reason) == (value, reason)


def test_without_a_rollout_the_flag_is_the_baseline(street: Street) -> None:
    """Nobody has to be named then, and the name of a rollout that does not run is no flag."""
    street.table = RoutingTable(3, STEADY)

    found = street.client.get_string_details("voice", "nothing")
    assert (found.value, found.reason, found.flag_metadata["assigned"]) == ("steady", Reason.STATIC, "no_listener")
    missing = street.client.get_boolean_details("chirp3", True, ANNA)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (EvaluationContext(), ErrorCode.TARGETING_KEY_MISSING),
        (EvaluationContext(""), ErrorCode.TARGETING_KEY_MISSING),
        (EvaluationContext("anna", {"character": 7}), ErrorCode.INVALID_CONTEXT),
    ],
)
def test_what_cannot_be_drawn_is_the_default(street: Street, context: EvaluationContext, code: ErrorCode) -> None:
    """Without a listener, or with nonsense about them, the app's own default holds, and the error says why."""
    found = street.client.get_string_details("voice", "mine", context)
    assert (found.value, found.reason, found.error_code) == ("mine", Reason.ERROR, code)


def test_a_variant_is_no_number(street: Street) -> None:
    """Asked for a number, the default is given, as a mismatch of types."""
    assert street.client.get_integer_details("voice", 7, ANNA).error_code is ErrorCode.TYPE_MISMATCH
    assert street.client.get_float_details("voice", 7.5, ANNA).value == 7.5


def threads() -> list[str]:
    """The names of the threads that look at tables."""
    return [thread.name for thread in threading.enumerate() if thread.name == "segue-openfeature"]


class Door(BaseHTTPRequestHandler):
    """Answers every question with what its server was told to."""

    def do_GET(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        body = getattr(self.server, "body", b"")
        self.send_response(200 if body else 503)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering() -> Iterator[ThreadingHTTPServer]:
    """A server that is not ready until it has a `body`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("nonsense", [b"", b"{}", b"[]", b"not json", b'{"version": 1, "baseline": {"colour": 1}}'])
def test_a_server_that_is_not_ready_is_waited_for(nonsense: bytes) -> None:
    """At first the app's defaults hold; once there is a table, the provider is ready without being set again."""
    try:
        with answering() as server:
            server.body = nonsense  # type: ignore[attr-defined]
            provider = SegueProvider(f"http://127.0.0.1:{server.server_port}", poll_s=0.02)
            with pytest.raises(ProviderNotReadyError):
                api.set_provider_and_wait(provider, "early")
            client = api.get_client("early")
            assert client.get_provider_status() is ProviderStatus.ERROR
            found = client.get_string_details("voice", "mine", ANNA)
            assert (found.value, found.error_code) == ("mine", ErrorCode.PROVIDER_NOT_READY)

            server.body = json.dumps(table().as_dict()).encode()  # type: ignore[attr-defined]
            until(lambda: client.get_provider_status() is ProviderStatus.READY)
            assert client.get_string_value("voice", "mine", ANNA) == "new"
            api.shutdown()
    finally:
        api.shutdown()
    assert not threads()


def test_a_server_that_is_gone_is_outlived() -> None:
    """Its last table holds, as stale, until it is back; then what has changed meanwhile is told."""
    told: list[EventDetails] = []
    try:
        with answering() as server:
            server.body = json.dumps(table().as_dict()).encode()  # type: ignore[attr-defined]
            api.set_provider_and_wait(SegueProvider(f"http://127.0.0.1:{server.server_port}", poll_s=0.02), "gone")
            client = api.get_client("gone")
            client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, told.append)
            assert client.get_string_details("voice", "mine", ANNA).reason is Reason.SPLIT

            server.body = b""  # type: ignore[attr-defined]
            until(lambda: client.get_provider_status() is ProviderStatus.STALE)
            found = client.get_string_details("voice", "mine", ANNA)
            assert (found.value, found.reason, found.error_code) == ("new", Reason.STALE, None)

            server.body = json.dumps(RoutingTable(10, STEADY).as_dict()).encode()  # type: ignore[attr-defined]
            until(lambda: client.get_provider_status() is ProviderStatus.READY)
            assert client.get_string_details("voice", "mine", ANNA).reason is Reason.STATIC
            until(lambda: [event.flags_changed for event in told] == [["voice", "chirp3"]])
            assert len(threads()) == 1
            api.shutdown()
    finally:
        api.shutdown()
    assert not threads()
