"""Who may import whom."""

import subprocess
import sys

import grimp
import pytest

from tests.house.source import ROOT, modules

SHARED_BY_VENDORS = {"http", "job", "pipe", "seat", "worker"}
"""Rooms of the providers' floor that belong to no vendor: how one talks with a process of one's own."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import inside the package, those in functions and under TYPE_CHECKING included."""
    return grimp.build_graph("segue", cache_dir=None)


def test_the_contracts_are_kept() -> None:
    """The contracts in pyproject.toml hold: layers, door, wiring, stores, engines, circles."""
    check = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", check, "--no-cache", "--no-logo"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert ", 0 broken" in checked.stdout


def test_vendors_are_strangers(graph: grimp.ImportGraph) -> None:
    """A vendor imports nothing of another vendor: only what is shared, and modules that begin with its own name."""
    floor = "segue.providers."
    strangers = []
    for module in graph.modules:
        if not module.startswith(floor):
            continue
        vendor = module.removeprefix(floor).split("_")[0]
        for imported in graph.find_modules_directly_imported_by(module):
            other = imported.removeprefix(floor)
            if not imported.startswith(floor) or other in SHARED_BY_VENDORS:
                continue
            if other.split("_")[0] != vendor:
                strangers.append(f"{module} imports {imported}")

    assert not strangers


def test_what_vendors_share_knows_no_vendor(graph: grimp.ImportGraph) -> None:
    """The shared rooms of the providers' floor import no vendor."""
    floor = "segue.providers."
    shared = {floor + room for room in SHARED_BY_VENDORS}
    for room in shared & graph.modules:
        assert {name for name in graph.find_modules_directly_imported_by(room) if name.startswith(floor)} <= shared


def test_init_files_are_empty() -> None:
    """Packages have empty `__init__` files; the top one holds the version and nothing else."""
    for module in modules():
        if module.path.endswith("/__init__.py") and module.name != "segue":
            assert module.text == "", module.path
    (top,) = [module for module in modules() if module.name == "segue"]
    names = [getattr(target, "id", "") for node in top.tree.body for target in getattr(node, "targets", [])]
    assert names == ["__version__"]
    assert len(top.tree.body) <= 2, "a docstring and the version"


def test_every_package_has_its_init_file() -> None:
    """No folder with modules in it is left without an `__init__` file: the import rules would not see it."""
    folders = {(ROOT / module.path).parent for module in modules()}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
