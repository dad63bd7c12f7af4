"""Alembic, as Segue uses it: from code, without a file of settings, on a connection that is there."""

from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def carry(connection: Connection) -> None:
    """Run every revision that is still to come, in the caller's transaction."""
    command.upgrade(_config(connection), "head")


def to_come(connection: Connection, found: str) -> tuple[list[tuple[str, str]], str]:
    """The revisions after the one that was found (empty for none), each with its sentence, and their SQL."""
    config, statements = _config(connection), StringIO()
    scripts = ScriptDirectory.from_config(config).iterate_revisions("head", found or "base")
    steps = [(script.revision, script.doc) for script in scripts]
    config.output_buffer = statements
    command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return steps[::-1], statements.getvalue()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
