"""A provider for the OpenFeature SDK: an app asks, with its own flags, which variant Segue gives a listener.

It draws listeners itself, from the routing table, so that no evaluation waits for anybody. The table is looked at twice
a second in a thread; when the server is gone, the last one holds. Install it with the extra `openfeature`.

    from openfeature import api
    from openfeature.evaluation_context import EvaluationContext
    from segue.openfeature import SegueProvider

    api.set_provider_and_wait(SegueProvider("http://127.0.0.1:8002"))
    api.get_client().get_string_value("voice", "baseline", EvaluationContext("listener-1"))

The flag is the rollout's name, or `voice` for whichever runs. As a string it is the variant's name, as a boolean
whether that is the candidate, as an object the variant. The targeting key is the listener; `character` and `language`
are read from the attributes. Sessions are not known here: an app that speaks through Segue is told by each turn.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any, TypeVar

import httpx2
import structlog
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    FlagNotFoundError,
    InvalidContextError,
    ProviderNotReadyError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from segue.routing import BASIS, RoutingTable, bucket, table_from_dict
from segue.routing import Reason as Assigned
from segue.voice.assignment import Assignment, assign

log = structlog.get_logger("segue.openfeature")

ANY_ROLLOUT = "voice"
"""The flag that means whichever rollout runs."""
STALE_AFTER = 2
"""So many looks in a row must fail before the table is called stale."""
ATTRIBUTES = ("character", "language")
"""What is read of a context beside its targeting key."""

T = TypeVar("T")


class SegueProvider(AbstractProvider):
    """Resolves flags from a routing table.

    Args:
        source: the address of a Segue server, or a function that gives the table that is in force.
        key: a key of that server with the scope `read`; of no use with a function.
        poll_s: seconds between two looks at the server's table.
        timeout_s: seconds that one look may take.
    """

    def __init__(
        self,
        source: str | Callable[[], RoutingTable],
        *,
        key: str = "",
        poll_s: float = 0.5,
        timeout_s: float = 2.0,
    ) -> None:
        super().__init__()
        self._source = source
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._poll_s = poll_s
        self._timeout_s = timeout_s
        self._table: RoutingTable | None = None
        self._failures = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Look at the table for the first time, and go on looking.

        Raises:
            ProviderNotReadyError: the server does not answer. It is asked again; the provider is ready when it does.
        """
        del evaluation_context
        if not isinstance(self._source, str):
            return
        self._ended = threading.Event()
        client = httpx2.Client(base_url=self._source, headers=self._headers, timeout=self._timeout_s)
        self._look(client)
        self._thread = threading.Thread(
            target=self._watch, args=(client, self._ended), name="segue-openfeature", daemon=True
        )
        self._thread.start()
        if self._table is None:
            raise ProviderNotReadyError(f"{self._source} does not answer yet.")

    def shutdown(self) -> None:
        """Stop looking; evaluations go on with the last table."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(self._timeout_s + 1.0)
            self._thread = None

    def get_metadata(self) -> Metadata:
        """Who this is."""
        return Metadata(name="segue")

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The name of the listener's variant."""
        del default_value
        table, found = self._found(flag_key, evaluation_context)
        return self._details(found.variant.name, table, found, evaluation_context)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Whether the listener's variant is the candidate."""
        del default_value
        table, found = self._found(flag_key, evaluation_context)
        candidate = table.exposure is not None and found.variant is table.exposure.candidate
        return self._details(candidate, table, found, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """The listener's variant, with its fields."""
        del default_value
        table, found = self._found(flag_key, evaluation_context)
        variant: Mapping[str, FlagValueType] = asdict(found.variant)
        return self._details(variant, table, found, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """A variant is no number.

        Raises:
            TypeMismatchError: always.
        """
        del default_value, evaluation_context
        raise TypeMismatchError(f"Flag {flag_key!r} is a string, a boolean or an object.")

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """A variant is no number.

        Raises:
            TypeMismatchError: always.
        """
        del default_value, evaluation_context
        raise TypeMismatchError(f"Flag {flag_key!r} is a string, a boolean or an object.")

    def _found(self, flag_key: str, context: EvaluationContext | None) -> tuple[RoutingTable, Assignment]:
        """The table, and what it gives the listener of a context."""
        table = self._table if isinstance(self._source, str) else self._source()
        if table is None:
            raise ProviderNotReadyError(f"{self._source} has not answered yet.")
        running = table.exposure.rollout.rpartition("/")[0] if table.exposure is not None else None
        if flag_key not in {ANY_ROLLOUT, running}:
            raise FlagNotFoundError(f"No rollout {flag_key!r} is running; {ANY_ROLLOUT!r} is whichever does.")
        listener = context.targeting_key if context is not None else None
        if not listener and running is not None:
            raise TargetingKeyMissingError("Name the listener as the targeting key.")
        asked = {name: _text(name, context) for name in ATTRIBUTES}
        return table, assign(listener or None, table, character=asked["character"], language=asked["language"] or "")

    def _details(
        self, value: T, table: RoutingTable, found: Assignment, context: EvaluationContext | None
    ) -> FlagResolutionDetails[T]:
        """A value with everything that led to it."""
        metadata: dict[str, bool | int | float | str] = {"version": table.version, "assigned": found.reason.value}
        if table.exposure is not None:
            metadata |= {"rollout": found.rollout, "stage": found.stage, "arm": found.arm}
            if context is not None and context.targeting_key:
                metadata["bucket"] = bucket(table.exposure.salt, context.targeting_key)
        stale = self._failures >= STALE_AFTER
        reason = Reason.STALE if stale else _reason(found.reason, table)
        return FlagResolutionDetails(value, reason=reason, variant=found.variant.name, flag_metadata=metadata)

    def _watch(self, client: httpx2.Client, ended: threading.Event) -> None:
        """Look again and again, until the end."""
        with closing(client):
            while not ended.wait(self._poll_s):
                self._look(client)

    def _look(self, client: httpx2.Client) -> None:
        """Take over the server's table, and tell the SDK what is new about it."""
        try:
            answer = client.get("/api/routing")
            answer.raise_for_status()
            table = table_from_dict(answer.json())
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._missed(error)
            return
        before, self._table = self._table, table
        was_stale, self._failures = self._failures >= STALE_AFTER, 0
        if self._thread is None:  # the SDK itself says when the first look is over
            return
        if before is None or was_stale:
            self.emit_provider_ready(ProviderEventDetails())
        if before is not None and before != table:
            self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=_flags(before, table)))

    def _missed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == STALE_AFTER:
            log.warning("routing table is stale", source=self._source, reason=repr(error))
            if self._table is not None:
                self.emit_provider_stale(ProviderEventDetails(message=f"{self._source} does not answer."))


def _text(name: str, context: EvaluationContext | None) -> str | None:
    """An attribute of a context.

    Raises:
        InvalidContextError: it is there, and no text.
    """
    value: Any = context.attributes.get(name) if context is not None else None
    if value is not None and not isinstance(value, str):
        raise InvalidContextError(f"`{name}` must be a text.")
    return value


def _reason(assigned: Assigned, table: RoutingTable) -> Reason:
    """The SDK's word for why a turn gets its variant."""
    if assigned is Assigned.SHARE:
        whole = table.exposure is not None and table.exposure.share_bp == BASIS
        return Reason.TARGETING_MATCH if whole else Reason.SPLIT
    return {
        Assigned.NO_LISTENER: Reason.STATIC,
        Assigned.NO_ROLLOUT: Reason.STATIC,
        Assigned.DROPPED: Reason.TARGETING_MATCH,
        Assigned.RESTRICTED: Reason.DISABLED,
    }.get(assigned, Reason.DEFAULT)


def _flags(*tables: RoutingTable) -> list[str]:
    """The flags that some of these tables have."""
    rollouts = {table.exposure.rollout.rpartition("/")[0] for table in tables if table.exposure is not None}
    return [ANY_ROLLOUT, *sorted(rollouts)]
