"""Pure modules take values and return values; time and chance are handed in, and the environment has one reader."""

import ast
import re
from collections.abc import Iterator

import grimp
import pytest

from tests.house.source import Module, modules, parse

PURE = re.compile(
    r"segue\.(records|routing|measures"
    r"|voice\.(assignment|sentences|boundaries|stops|clauses|speakable|soundness|language|fallback|breaker|resumption|pace"
    r"|degradation|degradation_texts|live|window|profiles|timeline)"
    r"|voice\.languages(\..+)?"
    r"|console\.(answers|audit|chain|chats|effective|heads|idempotency|incidents|keys|links|nodes|operations|operator|paging|ratelimit|retention|sessions|tampering)"
    r"|operations\.(document|plots|policy|postmortem|report|sheet)"
    r"|operations\.copying\.(holdings|manifest)"
    r"|operations\.evidence\.(envelope|recorded|vouching)"
    r"|operations\.listening\.(heard|phrases|samples|sound|verified|voiceprint)"
    r"|operations\.readiness\.(doors|lineup|machine|watched)"
    r"|operations\.release\.(answered|built|go|page|page_text|page_web|refusals|spike)"
    r"|operations\.runbook\.(actions|book|journal|lines|standing|telling|variables|verdict)"
    r"|operations\.validating\.(after|baseline|criteria)"
    r"|operations\.watching\.(alarms|bounds|latency|latency_text|monitor|portrait|scrape|vitals|windows)"
    r"|telemetry\.(alerts(_\w+)?|dashboard(s|_\w+)|files|panels|promql|readings|rules?)"
    r"|delivery\.(?!(ahead|controller|lease|observer|outbox|past|planfile|ports|preview|published|replica|rounds|seen|starting)$)\w+)"
)

NOT_FOR_PURE = {
    "asyncio", "concurrent", "fcntl", "http", "httpx2", "io", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "shutil", "signal", "socket", "sqlalchemy", "sqlite3", "ssl", "structlog", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
CALLS_NOT_FOR_PURE = {"open", "print", "input", "exec", "eval"}

CLOCK = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time|sleep|gmtime|localtime|ctime)(_ns)?"
    r"|datetime\.(datetime\.(now|utcnow|today)|date\.today)"
    r"|asyncio\.sleep"
)
CHANCE = re.compile(r"random\.(?!Random$)\w+|numpy\.random\.(?!default_rng$|Generator$)\w+")
ENVIRONMENT = re.compile(r"os\.(environ|environb|getenv|getenvb|putenv|unsetenv)(\..*)?")


def impurities(module: Module) -> Iterator[str]:
    """Everything in a module that a value-in, value-out module may not have."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"{module.at(node)} waits"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS_NOT_FOR_PURE:
            yield f"{module.at(node)} calls {node.func.id}"
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name != "urllib.parse" and name.split(".")[0] in NOT_FOR_PURE:
                yield f"{module.at(node)} imports {name}"
    yield from readings(module, re.compile(rf"{CLOCK.pattern}|{CHANCE.pattern}"))


def readings(module: Module, wanted: re.Pattern[str]) -> Iterator[str]:
    """Where a module uses a name that it should be handed instead."""
    for node, name in module.mentions():
        if wanted.fullmatch(name) and not _gives_way(module, node):
            yield f"{module.at(node)} uses {name}"


def _gives_way(module: Module, node: ast.AST) -> bool:
    """Whether this is `sleep(0)`, which waits for no time: it lets others run."""
    return any(
        isinstance(call, ast.Call)
        and call.func is node
        and len(call.args) == 1
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == 0
        for call in ast.walk(module.tree)
    )


def test_pure_modules_are_pure() -> None:
    """Pure modules, and everything of Segue's that they import, know no waiting, clock, chance, log or I/O."""
    graph = grimp.build_graph("segue", cache_dir=None)
    by_name = {module.name: module for module in modules()}
    named = {name for name in by_name if PURE.fullmatch(name)}
    assert {"segue.records", "segue.routing", "segue.measures"} <= named
    reached = named | {name for pure in named for name in graph.find_upstream_modules(pure)}

    assert not [found for name in sorted(reached) for found in impurities(by_name[name])]


def test_time_is_handed_in() -> None:
    """Only the clock reads the machine's clock or sleeps on it; time limits of asyncio are no reading."""
    used = [
        found
        for module in modules()
        if module.name != "segue.clock" and not module.is_worker
        for found in readings(module, CLOCK)
    ]
    assert not used


def test_chance_is_handed_in() -> None:
    """Nobody draws from a shared source of chance: a generator is made from a seed and handed in."""
    assert not [found for module in modules() for found in readings(module, CHANCE)]


def test_the_environment_has_one_reader() -> None:
    """Only the settings read the environment; workers, being processes of their own, may."""
    used = [
        found
        for module in modules()
        if module.name != "segue.settings" and not module.is_worker
        for found in readings(module, ENVIRONMENT)
    ]
    assert not used


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("import time\ntime.time()", CLOCK),
        ("import time as t\nx = t.monotonic_ns", CLOCK),
        ("from time import perf_counter as now\nnow()", CLOCK),
        ("def f():\n    from datetime import datetime\n    return datetime.now()", CLOCK),
        ("import datetime\ndatetime.date.today()", CLOCK),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(1)", CLOCK),
        ("import random\nrandom.random()", CHANCE),
        ("from random import choice\nchoice([1])", CHANCE),
        ("import numpy as np\nnp.random.rand(3)", CHANCE),
        ("import os\nos.environ['A']", ENVIRONMENT),
        ("import os\nos.environ.get('A')", ENVIRONMENT),
        ("from os import getenv\ngetenv('A')", ENVIRONMENT),
    ],
)
def test_the_rule_sees_through_names(text: str, pattern: re.Pattern[str]) -> None:
    """A forbidden reading is found under whatever name, called or passed on, imported at the top or in a function."""
    assert len(list(readings(parse(text), pattern))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasync def f():\n    async with asyncio.timeout(1):\n        await asyncio.sleep(0)",
        "import random\nrng = random.Random(7)\nrng.random()",
        "class Clock:\n    def time(self): ...\ntime = Clock()\ntime.time()",
        "import os\nos.path.join('a', 'b')",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
    ],
)
def test_the_rule_leaves_others_alone(text: str) -> None:
    """Time limits, giving way, seeded generators and namesakes are allowed."""
    module = parse(text)
    assert not [found for pattern in (CLOCK, CHANCE, ENVIRONMENT) for found in readings(module, pattern)]


@pytest.mark.parametrize(
    "text", ["async def f(): ...", "import logging", "from os import path", "def f():\n    import socket", "open('x')"]
)
def test_the_rule_sees_impurity(text: str) -> None:
    """Waiting, I/O and their modules are found in a pure module, in functions too."""
    assert list(impurities(parse(text)))
