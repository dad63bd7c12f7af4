"""Incidents, put together: where they are kept, and whom they reach when."""

from segue.clock import Clock
from segue.console.actions import Actions
from segue.console.incidents import Step
from segue.console.responding import IncidentStore, Responding
from segue.settings import Settings
from segue.stores.console import MemoryAuditStore
from segue.stores.incidents import MemoryIncidentStore
from segue.stores.sql.incidents import SqlIncidentStore
from segue.stores.sql.shared import Sql


def responding(
    settings: Settings, clock: Clock, database: Sql | None, memory: MemoryAuditStore, actions: Actions
) -> Responding:
    """What is done about incidents, kept in the database, or in memory where there is none."""
    store: IncidentStore = SqlIncidentStore(database) if database is not None else MemoryIncidentStore(memory.write)
    steps = [Step(round(step.after_minutes * 60e6), step.who) for step in settings.console.escalation]
    return Responding(store, actions, clock, steps)
