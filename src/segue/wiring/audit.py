"""What looks after the audit, put together: the key, the second place for heads, pruning and verification."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segue.clock import Clock, SystemClock
from segue.console.keeper import Keeper
from segue.console.ports import AuditStore, HeadPlace
from segue.console.pruning import Pruner
from segue.console.verifying import Verifying
from segue.errors import ConfigurationError
from segue.settings import Settings
from segue.stores.audit_key import TrustedKeys, audit_key, forgotten_key, trusted_keys
from segue.stores.heads import FILE, FileHeads, LogHeads, MemoryHeads, ObjectHeads
from segue.stores.objects import Objects
from segue.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Care:
    """What looks after the audit of one server."""

    keeper: Keeper
    pruner: Pruner
    verifying: Verifying


def care(
    settings: Settings,
    clock: Clock,
    store: AuditStore,
    *,
    keep: bool,
    tidying: Sequence[Callable[[], Awaitable[object]]] = (),
) -> Care:
    """Put it together; nothing is started yet. Without `keep` the key and the heads are forgotten.

    `tidying` is what else removes things that have had their time; each is called once a minute.

    Raises:
        ConfigurationError: the key cannot be used.
    """
    key = audit_key(settings.data, settings.audit.key) if keep else forgotten_key()
    place = head_place(settings, clock, key.id) if keep else MemoryHeads()
    pruner = Pruner(store, key, clock)

    def trust() -> TrustedKeys:
        return trusted_keys(settings.data) if keep else TrustedKeys([key.public])

    keeper = Keeper(store, pruner, key, place, clock, settings.audit, settings.console.node, tidying)
    return Care(keeper, pruner, Verifying(store, place, trust))


def head_place(settings: Settings, clock: Clock | None = None, key: str = "") -> HeadPlace:
    """The second place of the settings. `key`, the id of the one that signs, is only needed for writing."""
    where = settings.audit.heads
    if where == "log":
        return LogHeads()
    if where == "storage":
        if settings.storage.kind == "memory":
            raise ConfigurationError("audit.heads: the storage is the memory of the process, which keeps nothing.")
        return ObjectHeads(Objects(settings.storage, settings.data, clock or SystemClock()))
    if where:
        return FileHeads(Path(where) / f"audit-heads-{key}.jsonl", folder=True)
    return FileHeads(settings.data / FILE)


def watch_audit(metrics: Metrics, keeper: Keeper) -> None:
    """Tell the metrics where the readings of the audit come from."""
    metrics.watch("audit_entries", lambda: float(keeper.newest))
    metrics.watch("audit_heads", lambda: float(keeper.signed))
    metrics.watch("audit_head_age_seconds", lambda: keeper.head_age_s)
    metrics.watch("audit_failures", lambda: float(keeper.failed))
