"""The routing table as this process uses it: what was last published, within what this machine allows."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from segue.errors import ConfigurationError
from segue.routing import RoutingTable

log = structlog.get_logger("segue.delivery")


def _as_it_is(table: RoutingTable) -> RoutingTable:
    return table


class Published:
    """Holds one table and hands it out; nothing here waits, so a turn that asks never does.

    `restrict` applies what the machine's environment allows, which can only be less than the table says. It is asked
    once for each table. Where it raises ConfigurationError nobody hears the candidate here, and the log says why.
    """

    def __init__(
        self, table: RoutingTable | None = None, *, restrict: Callable[[RoutingTable], RoutingTable] = _as_it_is
    ) -> None:
        self._restrict = restrict
        self.table = table or RoutingTable()
        """The table as it was published, whatever this machine allows."""
        self.refused = ""
        """Why nobody hears the candidate on this machine although the table says so; empty where it is obeyed."""
        self._current = self._restricted(self.table)

    def current(self) -> RoutingTable:
        """The table that holds here and now."""
        return self._current

    @property
    def restricted(self) -> bool:
        """Whether this machine allows less than the published table."""
        return self._current != self.table

    def publish(self, table: RoutingTable) -> None:
        """Let a table hold from now on: for every turn that begins after this returns."""
        if table != self.table:
            self._current = self._restricted(table)
            self.table = table

    def _restricted(self, table: RoutingTable) -> RoutingTable:
        try:
            current, self.refused = self._restrict(table), ""
        except ConfigurationError as error:
            current, self.refused = replace(table, exposure=None), error.message
            log.error("candidate kept from this machine", reason=error.message, version=table.version)
        return current
