"""The command line: `segue`, and what can be said to it."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from inspect import BoundArguments

from cyclopts import App, CycloptsError, Group

from segue import __version__
from segue.errors import SegueError

app = App(
    name="segue",
    help="A voice gateway with progressive delivery.",
    version=__version__,
    version_flags=["--version"],
)
COMMANDS = {
    "serve": ("serve:serve", "Serve the page, the API and the OpenAI-compatible door."),
    "say": ("say:say", "Say a text: play it, or write it to a file."),
    "demo": ("demo:app", "Show in the terminal what Segue is for."),
    "version": ("configuration:version", "Print the versions of Segue and of what it is made of."),
    "schema": ("configuration:schema", "Print the JSON Schema of the configuration file."),
    "config": ("configuration:app", "The configuration."),
    "settings": ("settings:app", "The settings in force on a running server, and what is changed of them meanwhile."),
    "providers": ("providers:app", "Show the state of every provider: breaker, limits, last error, version."),
    "preflight": (
        "preflight:preflight",
        "Say whether the machine, the configuration, what is kept and the running server are fit for a release.",
    ),
    "canary": (
        "canary:canary",
        "Listen to every configured voice with words that no cache knows, and judge the sound.",
    ),
    "verify": (
        "verify:verify",
        "Verify a deployment by the bytes it answers with and the settings it says are in force.",
    ),
    "monitor": (
        "monitor:monitor",
        "Judge what a server did within a window: success, fallbacks, latencies, for each variant.\n\nExit code 0: no"
        " alarm. 1: P0, go back at once. 2: P1, step back or look. 3: not enough was counted to say. With --watch it is"
        " that of the last window.",
    ),
    "latency-audit": (
        "latency:latency_audit",
        "Say where the time of replies goes, stage by stage, and whether the profiles keep what they promise.",
    ),
    "policy": ("policy:app", "Which language models may be asked first, by what was measured of them."),
    "turns": ("turns:app", "The records of turns."),
    "audit": ("audit:app", "The audit: who did what, and whether anybody changed it since."),
    "evidence": ("evidence:app", "What commands found, as signed files; and whether anybody changed one since."),
    "telemetry": ("telemetry:app", "Alerts, rules and dashboards, from the settings and from plans."),
    "go": (
        "go:go",
        "Go or no-go: preflight, smoke, load, watch and the way back, measured, with a page to decide by.\n\nExit code"
        " 0: GO. 1: NO-GO; what is needed and was not measured is one too. 2: GO, with accepted warnings.",
    ),
    "plan": ("plan:app", "Plans of rollouts, before they are started."),
    "gate": ("gate:app", "Gates, before they are written into a plan."),
    "incident": ("incident:app", "Incidents: open them, write down what happens, print the report."),
    "backup": ("backup:app", "Copy everything that is kept, while the server goes on."),
    "restore": (
        "restore:restore",
        "Put a backup back into a data folder that no server uses, or show in a drill that it could be.",
    ),
    "migrate": (
        "migrate:migrate",
        "Bring the database of an older Segue up to date.\n\nIt keeps everything it holds; there is no way back but a"
        " backup. A file must not be in use by a server. All of it is done in one transaction, or nothing.",
    ),
    "keys": ("keys:app", "Operators' keys of a running server."),
    "rollout": ("rollout:app", "Rollouts of a running server."),
    "rollback": (
        "rollback:rollback",
        "Bring a deployment back to where it was, by a runbook.\n\nEvery step is written down before and after, so that"
        " an interrupted run goes on at the right place.",
    ),
    "validate": (
        "validate:validate",
        "Look at a deployment: its health, every provider, real speech both ways, and its speed against a baseline.",
    ),
    "runbook": ("runbook:app", "Runbooks of rollbacks, before they are needed."),
    "rehearse": (
        "rehearse:rehearse",
        "Say what a plan would have decided about recorded turns, and when.\n\nIt repeats decisions, not listeners:"
        " what they would have done under another share is in no record.",
    ),
    "simulate": (
        "simulate:simulate",
        "Run a plan with drawn turns, and tell how often it promotes or rolls back.\n\nEvery decision is made by the"
        " code that makes it live. Approvals are given at once.",
    ),
}
"""Every command: where it is, and what it does. By name, so that a command loads only what it needs itself."""
GROUPS = {
    "Serve and speak": ("serve", "say", "demo", "config", "settings", "providers", "schema", "version"),
    "Change in stages": ("plan", "gate", "rehearse", "simulate", "rollout"),
    "Release and watch": (
        "preflight", "canary", "verify", "go", "monitor", "latency-audit", "policy", "telemetry",
    ),
    "Bring back": ("rollback", "validate", "runbook", "backup", "restore", "migrate", "incident"),
    "Who did what": ("keys", "audit", "evidence", "turns"),
}  # fmt: skip
"""Under which heading a command is listed, in this order."""
for place_of_group, (heading, names) in enumerate(GROUPS.items()):
    group = Group(heading, sort_key=place_of_group)
    for name in names:
        place, does = COMMANDS[name]
        app.command(f"segue.cli.{place}", name=name, help=does, group=group)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: what the process was given, unless `arguments` says otherwise.

    A mistake that the caller can mend is one sentence and exit code 1, not a traceback; so is a mistyped option,
    since 2 says of an operation that all is well but for warnings.
    """
    try:
        command, bound = _understood(sys.argv[1:] if arguments is None else arguments)
        sys.exit(command(*bound.args, **bound.kwargs))
    except SegueError as error:
        print(f"segue: {error.message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough; what is left is written nowhere, so that nothing complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _understood(arguments: Sequence[str]) -> tuple[Callable[..., int | None], BoundArguments]:
    """The command that was meant, loaded, with what it was given; ends the process where there is none such."""
    gc.disable()  # loading makes a million things to keep and no garbage
    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False)
    except CycloptsError:
        sys.exit(1)  # the library has said what is wrong
    finally:
        gc.enable()
    return command, bound


if __name__ == "__main__":
    main()
