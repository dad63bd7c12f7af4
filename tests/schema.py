"""Asks a real server whatever its OpenAPI document allows, and whatever it does not, and holds it to its word.

    python -m tests.schema                    a few requests of each operation, as the tests send them
    python -m tests.schema --examples 1000    a thousand of each; it takes about an hour
    python -m tests.schema --seconds 480      as many as fit

Every check of Schemathesis is on. What it cannot know is in tests/asking.py.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.chatting import opened, send
from tests.rollouts import QUICK, plan
from tests.server import HEARING, PROJECT, RunningServer, running

SWITCH = "/api/voice/switch"
"""The kill switch: who has turned it off rightly gets 503 everywhere else, so it is tried apart, and last."""
SERVED = {**QUICK, "providers": {**HEARING, "models": ["scripted"], "synthesizers": ["scripted"]}}
"""A server on which everything is there to be asked: it hears too."""
SLOWEST_S = 20
"""No answer takes longer, on the slowest machine that runs tests."""


def furnished(server: RunningServer) -> dict[str, str]:
    """What there is on a server to be asked about, by the beginning of its path, one of each kind."""
    with server.client() as client:
        chat = opened(client)
        run = send(client, chat).json()["run"]
        assert client.post("/api/rollouts", json={"plan": plan("tried")}).status_code == 201
        incident = client.post("/api/incidents", json={"title": "Tried"}).json()["id"]
    spare = server.made("spare", "send").split("_")[2]
    return {
        "/api/chats/{chat_id}": chat,
        "/api/runs/{run_id}": run,
        "/api/keys/{key_id}": spare,
        "/api/rollouts/{name}": "tried",
        "/api/incidents/{incident_id}": incident,
        "/v1/models/{name}": "segue",
    }


def asked(server: RunningServer, there: dict[str, str], *options: str) -> tuple[bool, str]:
    """Whether everything that was asked was answered as the document says, and what Schemathesis says of it."""
    program = Path(sys.executable).parent / "schemathesis"
    own = server.key.split("_")[2]
    config = PROJECT / "tests" / "schemathesis.toml"
    done = subprocess.run(
        [
            *(program, "--config-file", config, "run", f"{server.url}/api/openapi.json"),
            *("--header", f"Authorization: Bearer {server.key}", *options),
            *("--checks", "all", "--max-response-time", str(SLOWEST_S), "--continue-on-failure", "--workers", "1"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.asking", "TRIED": json.dumps({"there": there, "own": own})},
    )
    return done.returncode == 0, done.stdout + done.stderr


def tried(server: RunningServer, examples: int, phases: str, seconds: int | None = None) -> list[str]:
    """Ask everything; what went wrong, in the words of Schemathesis. The kill switch comes last."""
    there = furnished(server)
    amount = ("--max-examples", str(examples), "--phases", phases, "--seed", "1")
    limited = () if seconds is None else ("--max-time", str(seconds))
    everything = asked(server, there, *amount, *limited, "--exclude-path", SWITCH)
    switch = asked(server, there, *amount, "--include-path", SWITCH)
    return [said for well, said in (everything, switch) if not well]


def main() -> int:
    """Ask as much as is wanted; 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--seconds", type=int)
    wanted = parser.parse_args()
    with running(SERVED) as server:
        faults = tried(server, wanted.examples, wanted.phases, wanted.seconds)
    errors = [line for line in server.log if '"level": "error"' in line]
    print(*faults, *errors, sep="\n")
    return 1 if faults or errors else 0


if __name__ == "__main__":
    sys.exit(main())
