"""Pages that are walked through: every command that such a page shows is executed, in its order, in one shell.

The shell is a real one, and so is each server that a page starts. What a page calls `segue` is run in the process of
the test, with the environment, the folder and the output that the shell gave it: that a program starts is shown
elsewhere, and would take most of the time here.

What a page may say beside the commands:

- a comment `# exits with 2: why` before a command, where it is expected to end with something else than 0;
- a ```text block after a ```sh block: what the block printed, shortened. Each of its lines must be found in what was
  printed, in this order: its words without a digit, one after another in one line, with anything between them. `…`
  stands for anything, and so does a word with a digit in it: those are figures, moments and names of the day.
"""

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from segue.cli.main import main
from tests.server import PROJECT, clean_environment, running

ADDRESS = "http://127.0.0.1:{port}"
PORT = 8002
COMMAND_LIMIT_S = 120.0
WORDS = "sh"
SHOWN = "text"
READ = frozenset({"yaml", "yml", "json"})
"""Blocks that are looked at and not executed; `tests/house` reads them."""
COPIED, LINKED = ("examples", "plans"), ("docs", "deploy", "src", "tests")
"""What stands in the folder a page is walked in: what commands may write into is a copy."""
EXITS = re.compile(r"#.*\bexits with (\d+)\b")
SERVE = re.compile(r"(?P<before>(?:\w+=\S*\s+)*)(?:\.venv/bin/)?segue serve(?P<said>[^&|;]*)&")
KILL = re.compile(r"kill %(\d+)")
STUB = """#!{python} -IS
import json, os, signal, socket, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
door = socket.socket(socket.AF_UNIX)
door.connect({door!r})
with door.makefile("rwb") as both:
    asked = {{"said": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
    both.write(json.dumps(asked).encode() + b"\\n")
    both.flush()
    told = json.loads(both.readline())
sys.stdout.write(told["out"])
sys.stdout.flush()
sys.stderr.write(told["err"])
sys.exit(told["code"])
"""


class AstrayError(AssertionError):
    """A page says something that is not so."""


@dataclass(frozen=True)
class Command:
    """A command of a page: where its block stands, its text, and the exit code that the page tells."""

    place: str
    text: str
    exits: int = 0


@dataclass(frozen=True)
class Leg:
    """A block of commands, and what the page shows of their output."""

    commands: tuple[Command, ...]
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """A command that was executed: its exit code and what it printed to either side."""

    command: Command
    code: int
    out: str
    err: str


def legs(text: str, name: str = "page.md") -> list[Leg]:
    """The blocks of commands of a page, in order.

    Raises:
        AstrayError: there is a block that is neither executed nor compared nor read by anybody.
    """
    found: list[Leg] = []
    for match in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        place = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
        language, body = match[1].strip(), match[2]
        if language == WORDS:
            found.append(Leg(tuple(_commands(body, place))))
        elif language == SHOWN and found and not found[-1].shown:
            found[-1] = Leg(found[-1].commands, tuple(body.splitlines()))
        elif language not in READ:
            raise AstrayError(f"{place}: nobody executes a block of {language or 'nothing'!r}; write ```{WORDS}")
    return found


def _commands(body: str, place: str) -> Iterator[Command]:
    begun, exits = "", 0
    for line in body.replace("\\\n", " ").splitlines():
        if not begun and (not line.strip() or line.startswith("#")):
            expected = EXITS.match(line)
            exits = int(expected[1]) if expected else exits
            continue
        begun += line + "\n"
        with contextlib.suppress(ValueError):
            shlex.split(begun, comments=True)
            yield Command(place, begun.strip(), exits)
            begun, exits = "", 0
    if begun:
        raise AstrayError(f"{place}: a quotation is not closed")


def missing(shown: Sequence[str], printed: str) -> list[str]:
    """The lines that a page shows and that were not printed, in this order."""
    rest = [line.split() for line in printed.splitlines()]
    absent = []
    for line in shown:
        firm = [word for word in line.split() if not any(letter.isdigit() or letter == "…" for letter in word)]
        at = next((number for number, words in enumerate(rest) if _stands(firm, words)), None)
        if at is None:
            absent.append(line)
        elif firm:
            rest = rest[at:]
    return absent


def _stands(firm: Sequence[str], words: Sequence[str]) -> bool:
    """Whether words stand in a line, in their order."""
    left = iter(words)
    return all(word in left for word in firm)


@dataclass
class Walk:
    """One page on its way: the folder it is walked in, and what was done so far."""

    folder: Path
    replaced: Mapping[str, str]
    """Texts of commands, and what is executed in their place."""
    servers: list[ExitStack] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    inner: list[int] = field(default_factory=list)
    """The exit codes of all that the last command called `segue`, also within pipes and substitutions."""
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The variables of the shell, as it wrote them down after the last command."""
        return self.folder.parent / "variables.sh"

    def go(self, leg: Leg) -> None:
        """Execute a block.

        Raises:
            AstrayError: a command ends otherwise than the page tells, or prints something else than it shows.
        """
        printed = ""
        for command in leg.commands:
            done = self._does(command)
            self.done.append(done)
            printed += done.out + done.err
            codes = {done.code} if command.exits else {done.code, *self.inner}
            if codes != {command.exits}:
                code, told = max(codes), f"{done.out}{done.err}"
                raise AstrayError(f"{command.place}: {command.text}\nexits with {code}, not {command.exits}\n{told}")
        absent = missing(leg.shown, printed)
        if absent:
            lines = "\n".join(absent)
            raise AstrayError(f"{leg.commands[-1].place}: not printed:\n{lines}\n\nbut:\n{printed}")

    def _does(self, command: Command) -> Done:
        text = command.text
        self.inner.clear()
        for said, meant in {**self.replaced, **self.addresses}.items():
            text = text.replace(said, meant)
        if serve := SERVE.fullmatch(text):
            self._serves(serve["before"], shlex.split(serve["said"]))
            return Done(command, 0, "", "")
        if kill := KILL.fullmatch(text):
            self.servers[int(kill[1]) - 1].close()
            return Done(command, 0, "", "")
        return Done(command, *self._shell(text))

    def _serves(self, before: str, said: Sequence[str]) -> None:
        """Start a server as the line says, on a free port that its address is turned to; it is ready afterwards."""
        given = dict(zip(said[::2], said[1::2], strict=True))
        _, variables, _ = self._shell(f"{before} env -0")
        environment = dict(pair.split("=", 1) for pair in variables.split("\0") if "=" in pair)
        stack = ExitStack()
        server = stack.enter_context(
            running(
                self.folder / given["--config"] if "--config" in given else None,
                environment=environment,
                data=self.folder / given.get("--data", "data"),
                folder=self.folder,
            )
        )
        self.servers.append(stack)
        self.addresses[ADDRESS.format(port=given.get("--port", PORT))] = server.url.rstrip("/")

    def _shell(self, text: str) -> tuple[int, str, str]:
        """Let the shell do it, and run here what it calls `segue`; its variables are there for the next command."""
        script = f"set -a\n. {self.state}\n{text}\ncode=$?\nexport -p > {self.state}\nexit $code\n"
        out, err = (self.folder.parent / name for name in ("out", "err"))
        with out.open("wb") as to, err.open("wb") as beside, _door(self.folder.parent / "door") as door:
            process = subprocess.Popen(
                ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, stdout=to, stderr=beside, cwd=self.folder, env={}
            )
            try:
                self._answer(door, process)
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait(COMMAND_LIMIT_S)
        return process.returncode, *(file.read_text(encoding="utf-8", errors="replace") for file in (out, err))

    def _answer(self, door: socket.socket, process: "subprocess.Popen[bytes]") -> None:
        """Run what is asked for until the shell has ended."""
        while True:
            ended = process.poll() is not None
            try:
                caller, _ = door.accept()
            except TimeoutError:
                if ended:
                    return
                continue
            with caller, caller.makefile("rwb") as both:
                asked = json.loads(both.readline())
                code, out, err = run(asked["said"], asked["environment"], Path(asked["folder"]))
                self.inner.append(code)
                with contextlib.suppress(BrokenPipeError):
                    both.write(json.dumps({"code": code, "out": out, "err": err}).encode() + b"\n")
                    both.flush()


@contextmanager
def _door(path: Path) -> Iterator[socket.socket]:
    """The socket by which the shell's `segue` reaches this process."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.fspath(path))
        door.listen()
        door.settimeout(0.02)
        try:
            yield door
        finally:
            path.unlink()


def run(said: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str, str]:
    """Run a command of Segue in this process: its exit code, and what it printed to either side."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    before, code = dict(os.environ), 0
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        os.environ.clear()
        os.environ.update(environment)
        try:
            main(said)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            os.environ.clear()
            os.environ.update(before)
    printed = []
    for stream in (out, err):
        stream.seek(0)
        printed.append(stream.read())
    return code, printed[0], printed[1]


@contextmanager
def walking(
    folder: Path, environment: Mapping[str, str] | None = None, replaced: Mapping[str, str] | None = None
) -> Iterator[Walk]:
    """A walk in a fresh copy of the project's folder, with these variables in its shell; its servers end with it."""
    project = folder / "project"
    commands = project / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name in COPIED:
        shutil.copytree(PROJECT / name, project / name)
    for name in LINKED:
        (project / name).symlink_to(PROJECT / name)
    for program in Path(sys.executable).parent.iterdir():
        if program.name != "segue":
            (commands / program.name).symlink_to(program)
    stub = commands / "segue"
    stub.write_text(STUB.format(python=sys.executable, door=os.fspath(folder / "door")), encoding="utf-8")
    stub.chmod(0o755)

    kept = clean_environment({"COLUMNS": "100", **(environment or {})})
    kept["PATH"] = f"{commands}:{kept['PATH']}"
    kept.pop("PWD", None)  # the shell knows where it is
    walk = Walk(project, replaced or {})
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in kept.items() if name.isidentifier())
    walk.state.write_text("".join(lines), encoding="utf-8")
    try:
        yield walk
    finally:
        with ExitStack() as ends:
            for server in walk.servers:
                ends.push(server.__exit__)
        story = "".join(f"$ {one.command.text}\n{one.out}{one.err}[{one.code}]\n\n" for one in walk.done)
        (folder / "story.txt").write_text(story, encoding="utf-8")
