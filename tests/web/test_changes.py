"""What was changed in the settings between two starts stands in the audit."""

import json
from pathlib import Path
from typing import Any

from segue.clock import ManualClock
from segue.console.audit import Entry
from segue.settings import Settings
from segue.stores.sql.audit import SqlAuditStore
from segue.wiring.changes import Changes
from segue.wiring.database import database_of

VOICE: dict[str, Any] = {"voice": {"languages": ["en"]}}


async def entries_after_start(folder: Path, document: dict[str, Any], **flags: Any) -> list[Entry]:
    """All entries, once a server with these settings has started on a data folder."""
    settings = Settings(**document, data=folder)
    database = database_of(settings)
    await database.start()
    try:
        await Changes(settings, ManualClock(), database).start()
        return await SqlAuditStore(database).read(after=0, limit=100)
    finally:
        await database.close()


async def test_a_change_is_written_once(tmp_path: Path) -> None:
    """The first start and an unchanged one leave no entry; a change names what is another now."""
    assert await entries_after_start(tmp_path, {}) == []
    assert await entries_after_start(tmp_path, {}) == []
    (first,) = await entries_after_start(tmp_path, VOICE)
    assert (first.actor, first.via, first.action, first.target) == ("start", "start", "settings.change", "settings")
    assert json.loads(first.facts)["changed"] == "voice"
    *_, last = await entries_after_start(tmp_path, {})
    assert (last.seq, last.before, last.after) == (2, first.after, first.before)


async def test_providers_are_told_apart(tmp_path: Path) -> None:
    """Who speaks and who answers has an entry of its own."""
    await entries_after_start(tmp_path, {})
    (only,) = await entries_after_start(tmp_path, {"providers": {"models": ["scripted"]}})
    assert (only.action, json.loads(only.facts)["changed"]) == ("providers.change", "models")


async def test_what_belongs_to_one_server_is_no_change(tmp_path: Path) -> None:
    """The address that a server listens on may differ between those that share a database; no digest has a secret."""
    await entries_after_start(tmp_path, {"secret": "a" * 32})
    assert await entries_after_start(tmp_path, {"secret": "b" * 32, "server": {"port": 8123}}) == []
    (only,) = await entries_after_start(tmp_path, {"secret": "b" * 32, "server": {"port": 8123, "drain_s": 7.0}})
    assert json.loads(only.facts)["changed"] == "server"
