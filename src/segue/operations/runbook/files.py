"""Restores files and folders, sets variables in files, and lets links lead to other virtual environments."""

import json
import os
from pathlib import Path

from segue.errors import InvalidRequest, Unavailable
from segue.operations.runbook import content
from segue.operations.runbook.actions import Action, FileRestore, VariableSet, VenvSwap
from segue.operations.runbook.programs import Programs
from segue.operations.runbook.standing import Seen
from segue.operations.runbook.variables import variable, with_variable

CHECK_S = 60.0
_VERSIONS = (
    "import importlib.metadata as m, json, sys; "
    "print(json.dumps({name: next((d.version for d in m.distributions(name=name)), None) for name in sys.argv[1:]}))"
)


class Files:
    """Does what is done with files."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def look(self, action: Action, run: str) -> Seen:
        """How things stand."""
        try:
            return self._look(action, run)
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be read: {error.strerror}.") from error

    def do(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Do it.

        Raises:
            Unavailable: a file cannot be read or written, or changed meanwhile.
        """
        del timeout_s
        try:
            match action:
                case FileRestore():
                    self._restore(action, before, run)
                case VariableSet():
                    self._set(action, action.value)
                case VenvSwap():
                    content.linked(Path(action.link), action.to)
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be written: {error.strerror}.") from error

    def take_back(self, action: Action, before: Seen, run: str, timeout_s: float) -> None:
        """Bring back what was before.

        Raises:
            Unavailable: what was kept is not there any more, or cannot be put back.
        """
        del timeout_s
        try:
            match action:
                case FileRestore():
                    self._bring_back(action, before, run)
                case VariableSet():
                    self._set(action, before["value"])
                case VenvSwap() if before["kind"] == "absent":
                    Path(action.link).unlink(missing_ok=True)
                case VenvSwap():
                    content.linked(Path(action.link), before["to"])
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be written: {error.strerror}.") from error

    def _look(self, action: Action, run: str) -> Seen:
        match action:
            case FileRestore():
                target, kept = Path(action.target), _kept(action, run)
                there = target if os.path.lexists(target) or not kept.is_dir() else kept  # between two renamings
                return {"source": content.digest(Path(action.source)), "target": content.digest(there)}
            case VariableSet():
                file = Path(action.file)
                return {"value": variable(file.read_text(encoding="utf-8"), action.name) if file.exists() else None}
            case VenvSwap():
                link = Path(action.link)
                kind = "link" if link.is_symlink() else "other" if link.exists() else "absent"
                to = str(link.readlink()) if kind == "link" else ""
                return {"kind": kind, "to": to, "trouble": self._trouble(action)}
            case _:
                raise InvalidRequest(f"{action.kind} is not done with files.")

    def _trouble(self, action: VenvSwap) -> str:
        """What is wrong with the environment that is wanted; empty where nothing is."""
        python = Path(action.link).parent / action.to / "bin/python"
        if not python.exists():
            return f"{python} is not there; this is no virtual environment"
        asked = self._programs.ran([str(python), "-I", "-c", _VERSIONS, *action.versions], timeout_s=CHECK_S)
        if asked.code:
            return f"{python} does not run: {asked.said}"
        there = json.loads(asked.out)
        for name, wanted in action.versions.items():
            if there[name] != wanted:
                return f"{action.to} has {name} {there[name] or 'not at all'}, not {wanted}"
        checked = self._programs.ran([str(python), "-I", "-m", "pip", "check"], timeout_s=CHECK_S)
        has_none = "No module named pip" in checked.err
        return "" if not checked.code or has_none else f"{action.to} does not fit together: {checked.said}"

    def _restore(self, action: FileRestore, before: Seen, run: str) -> None:
        source, target = Path(action.source), Path(action.target)
        if os.path.lexists(target) and source.is_dir() != target.is_dir():
            raise Unavailable(f"{source} and {target} are not both files, or both folders.")
        coming = _beside(target, "coming", run)
        content.copied(source, coming)
        if content.digest(coming) != before["source"]:
            content.remove(coming)
            raise Unavailable(f"{source} changed while it was copied; nothing was replaced.")
        content.put(coming, target, _kept(action, run))

    def _bring_back(self, action: FileRestore, before: Seen, run: str) -> None:
        target, kept = Path(action.target), _kept(action, run)
        content.remove(_beside(target, "coming", run))
        if not before["target"]:
            content.remove(target)
        elif content.digest(target) != before["target"]:
            if content.digest(kept) != before["target"]:
                raise Unavailable(f"{kept} is not what was kept of {target}; it is not put back.")
            content.put_back(kept, target, _beside(target, "aside", run))

    def _set(self, action: VariableSet, value: str | None) -> None:
        file = Path(action.file)
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        content.written(file, with_variable(text, action.name, value))


def _kept(action: FileRestore, run: str) -> Path:
    """Where that is kept which a restored file replaces."""
    return _beside(Path(action.target), "before", run)


def _beside(target: Path, word: str, run: str) -> Path:
    return target.with_name(f"{target.name}.{word}-{run}")
