"""`segue version`, `segue schema` and `segue config show`."""

import importlib.metadata
import json
import platform
import sqlite3
import sys
from io import StringIO
from pathlib import Path

from cyclopts import App
from ruamel.yaml import YAML

from segue import __version__
from segue.settings import Settings, load

app = App(name="config", help="The configuration.")

PARTS = ("fastapi", "uvicorn", "sqlalchemy", "soxr", "lameenc", "av", "espeakng-loader", "pocketsphinx")


def version() -> None:
    """Print the versions of Segue and of what it is made of."""
    print(f"segue {__version__}")
    print(f"python {platform.python_version()}")
    print(f"sqlite {sqlite3.sqlite_version}")
    for name in PARTS:
        try:
            print(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} not installed")


def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    json.dump(Settings.model_json_schema(), sys.stdout, indent=2, ensure_ascii=False)
    print()


@app.command
def show(*, config: Path | None = None) -> None:
    """Print the configuration in force, secrets masked.

    Parameters
    ----------
    config
        YAML file with settings.
    """
    yaml = YAML()
    yaml.default_flow_style = False
    out = StringIO()
    yaml.dump(load(config).model_dump(mode="json"), out)
    print(out.getvalue(), end="")
