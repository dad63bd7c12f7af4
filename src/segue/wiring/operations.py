"""What puts operations on record, put together."""

from segue.clock import Clock
from segue.console.heads import Trust
from segue.operations.evidence.filing import FOLDER, Filing
from segue.operations.evidence.recording import OperationStore, Recording
from segue.settings import Settings
from segue.stores.audit_key import trusted_keys
from segue.stores.console import MemoryAuditStore
from segue.stores.operations import MemoryOperationStore
from segue.stores.sql.operations import SqlOperationStore
from segue.stores.sql.shared import Sql
from segue.telemetry.metrics import Metrics
from segue.wiring.console import Console


class _Folder:
    """The keys that a data folder trusts, as they are when somebody asks. See `Trust`."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data

    def check(self, key: str, data: bytes, signature: str) -> bool | None:
        """See `Trust.check`."""
        return trusted_keys(self._data).check(key, data, signature)


def recording(settings: Settings, clock: Clock, database: Sql | None, operators: Console) -> Recording:
    """Put it together; nothing is started yet. Without a database it is forgotten when the process ends."""
    trust: Trust = _Folder(settings)
    memory = operators.memory or MemoryAuditStore()
    store: OperationStore = SqlOperationStore(database) if database is not None else MemoryOperationStore(memory.link)
    waiting = Filing(settings.data / FOLDER) if database is not None else None
    plane = operators.plane
    return Recording(plane.actions, store, plane.keeper.signer, trust, clock, waiting)


def watch_operations(metrics: Metrics, recorded: Recording) -> None:
    """Tell the metrics where the readings of operations come from."""
    metrics.watch("operation_age_seconds", recorded.ages_s)
    metrics.watch("operation_outcome", recorded.outcomes)
