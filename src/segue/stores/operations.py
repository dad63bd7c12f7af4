"""The newest operation of each command, kept in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from segue.console.audit import Draft, Entry
from segue.console.operations import Operation, Place


class MemoryOperationStore:
    """See `OperationStore`. `audited` writes an entry in the audit, and gives it back."""

    def __init__(self, audited: Callable[[Draft], Entry]) -> None:
        self._audited = audited
        self._newest: dict[str, Operation] = {}
        self._once: dict[str, Place] = {}

    async def record(self, operation: Operation, draft: Draft, *, once: bool = False) -> Place:
        """See `OperationStore.record`: it is not durable."""
        if once and operation.digest in self._once:
            return self._once[operation.digest]
        before = self._newest.get(operation.command)
        entry = self._audited(replace(draft, before=before.digest if before else ""))
        if before is None or before.at_us <= operation.at_us:
            self._newest[operation.command] = operation
        place = Place(entry.seq, entry.hash, entry.node)
        if once:
            self._once[operation.digest] = place
        return place

    async def newest(self) -> Sequence[Operation]:
        """See `OperationStore.newest`."""
        return [self._newest[name] for name in sorted(self._newest)]
