"""What the delivery plane sees of the server itself."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from segue.providers.prometheus import FiringAlerts
from segue.routing import Variant
from segue.voice.lookout import Lookout
from segue.voice.planner import Planner
from segue.voice.switch import Switch


class ServerWatcher:
    """See `Watcher`: this process, its degradation, its switch, and the alerts of a Prometheus."""

    def __init__(
        self,
        lookout: Lookout,
        switch: Switch,
        alerts: FiringAlerts,
        planner: Callable[[], Planner],
    ) -> None:
        self._planner = planner
        self._lookout = lookout
        self._switch = switch
        self._alerts = alerts

    async def degradation(self) -> str:
        """See `Watcher.degradation`."""
        return self._lookout.report().worst.state.value

    async def alerts(self, url: str) -> tuple[str, ...] | None:
        """See `Watcher.alerts`."""
        return await self._alerts.firing(url)

    def memory_bytes(self) -> int:
        """See `Watcher.memory_bytes`."""
        return memory_bytes()

    def enabled(self) -> bool:
        """See `Watcher.enabled`."""
        return self._switch.state.enabled

    def lacking(self, variant: Variant) -> tuple[str, ...]:
        """See `Watcher.lacking`."""
        return self._planner().lacking(variant)


def memory_bytes() -> int:
    """The memory of this process that is in use; its highest so far where the system does not tell the present one."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return highest if sys.platform == "darwin" else highest * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
