"""The command line: `segue`, and what can be said to it."""

import os
import sys

from cyclopts import App

from segue import __version__
from segue.cli import configuration, demo, gate, plan, providers, rehearse, rollout, say, serve, simulate, turns
from segue.errors import SegueError

app = App(
    name="segue",
    help="A voice gateway with progressive delivery.",
    version=__version__,
    version_flags=["--version"],
)
app.command(serve.serve)
app.command(say.say)
app.command(demo.app)
app.command(configuration.version)
app.command(configuration.schema)
app.command(configuration.app)
app.command(providers.providers)
app.command(turns.app)
app.command(plan.app)
app.command(gate.app)
app.command(rollout.app)
app.command(rehearse.rehearse)
app.command(simulate.simulate)


def main() -> None:
    """Run the command line. A mistake that the caller can mend is one sentence and exit code 1, not a traceback."""
    try:
        app()
    except SegueError as error:
        print(f"segue: {error.message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough; what is left is written nowhere, so that nothing complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
