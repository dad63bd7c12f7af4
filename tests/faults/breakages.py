"""The table of breakages: in what way a deployment is broken, and which command and which check must find it.

`broken.py` breaks a real deployment in each of these ways, `test_breakages.py` shows that each is found and that a
healthy one gives nothing to find, and the reference page of breakages is printed from this table.
"""

from typing import Literal, NamedTuple

Command = Literal["preflight", "canary", "verify"]


class Breakage(NamedTuple):
    """One way in which a deployment is broken. `check` is a pattern: `*` stands for anything."""

    name: str
    how: str
    command: Command
    check: str


BEFORE = (
    Breakage("unreadable settings", "A setting in the file does not exist.", "preflight", "config.fits"),
    Breakage("unknown provider", "The chain names a synthesizer that nobody configured.", "preflight", "config.fits"),
    Breakage(
        "missing key",
        "The variable that holds a vendor's key is not set.",
        "preflight",
        "provider.synthesizer.studio.state",
    ),
    Breakage(
        "missing model", "The files of a local voice are not there.", "preflight", "provider.synthesizer.local.files"
    ),
    Breakage(
        "vendor out of reach",
        "Nobody listens at a vendor's address.",
        "preflight",
        "provider.synthesizer.studio.address",
    ),
    Breakage(
        "wrong version pin",
        "The library of a vendor is of another version than the pinned one.",
        "preflight",
        "provider.synthesizer.edge.version",
    ),
    Breakage("no fallback", "One synthesizer alone is in the chain.", "preflight", "chain.synthesizer.en"),
    Breakage(
        "mute character",
        "The catalogue gives a character no voice at the fallback.",
        "preflight",
        "character.guide.en",
    ),
    Breakage("taken port", "Another program listens on the port.", "preflight", "machine.port"),
    Breakage("invalid plan", "A plan of a rollout has no candidate.", "preflight", "plan.broken"),
    Breakage("heads beside the database", "No second place is named for heads.", "preflight", "audit.heads"),
    Breakage("damaged database", "A page of the database was overwritten.", "preflight", "database.*"),
    Breakage("old tables", "The tables are of an older revision.", "preflight", "database.revision"),
    Breakage("audit tampered at rest", "An entry was changed while no server ran.", "preflight", "audit.chain"),
)
"""Found before a server is started."""
RUNNING = (
    Breakage("open data folder", "Others may look into the data folder.", "preflight", "data.private"),
    Breakage("open audit key", "Others may read the key that heads are signed with.", "preflight", "audit.key"),
    Breakage("database not writable", "The database file may not be written.", "preflight", "database.file"),
    Breakage("audit tampered", "An entry was changed under the running server.", "preflight", "audit.chain"),
    Breakage("expired key", "A key has expired and was not replaced.", "preflight", "access.expired"),
    Breakage("expiring key", "A key expires in an hour.", "preflight", "access.expiring"),
    Breakage("key without scope", "The key that is asked with may not read.", "preflight", "access.keys"),
    Breakage("no key", "Nobody is let in without a key.", "preflight", "audit.chain"),
    Breakage("kill switch off", "An operator switched spoken replies off.", "preflight", "voice.switch"),
    Breakage("nobody hears", "The only recognizer is switched off.", "preflight", "chain.recognizer.en"),
    Breakage(
        "model out of reach",
        "Nobody listens any more at the language model's address.",
        "preflight",
        "provider.model.writer.*",
    ),
    Breakage("canary failed", "The newest canary on record has failed.", "preflight", "evidence.canary"),
    Breakage("metrics missing", "What stands before the server hides /metrics.", "preflight", "server.metrics"),
    Breakage("server gone", "Nobody answers at the address.", "preflight", "server.health"),
)
"""Found on a running server."""
HEARD = (
    Breakage("wrong voice", "The vendor speaks a character with another voice.", "canary", "canary.guide.*.voice"),
    Breakage("one voice for two", "The vendor speaks two characters with one voice.", "canary", "canary.alike.*"),
    Breakage("silence", "The sound has the right length and is silent.", "canary", "canary.guide.*"),
    Breakage("cut speech", "The second half of each sentence is missing.", "canary", "canary.guide.*"),
    Breakage("clipped speech", "The sound is driven far over full scale.", "canary", "canary.guide.*"),
    Breakage("quiet speech", "The sound is forty decibels too quiet.", "canary", "canary.guide.*"),
    Breakage("noise", "There is noise of the right length and loudness.", "canary", "canary.guide.*"),
    Breakage("torn speech", "Every tenth of a second a piece is missing.", "canary", "canary.guide.*.sound.dropouts"),
    Breakage("slow first sound", "The vendor begins to answer late.", "canary", "canary.guide.*.latency"),
    Breakage("other words", "The right voice says something else.", "canary", "canary.guide.*.words"),
    Breakage("error for sound", "A success, with an error in JSON as its body.", "canary", "canary.guide.*"),
    Breakage(
        "broken fallback",
        "The synthesizer that would step in refuses everything.",
        "canary",
        "canary.guide.en.baseline.newer.spoken",
    ),
    Breakage(
        "candidate is the baseline",
        "The vendor answers for the new model with the old one's voice.",
        "canary",
        "canary.guide.en.candidate.first.voice",
    ),
)
"""Found by listening."""
VERIFIED = (
    Breakage(
        "other settings",
        "The order of the synthesizers is not the expected one.",
        "verify",
        "settings.providers.synthesizers",
    ),
    Breakage("other share", "The rollout exposes more than it should.", "verify", "settings.rollout.share_percent"),
    Breakage("stale metrics", "What stands before the server answers with an old scrape.", "verify", "metrics.moves"),
    Breakage(
        "bytes under another label",
        "A cache before the server keeps sound by its text alone, and gives it to everybody.",
        "verify",
        "cache.*.own",
    ),
    Breakage("arms alike", "The candidate is spoken with the baseline's voice.", "verify", "synthesis.arms.en"),
    Breakage("first choice fails", "Everybody is served by the fallback.", "verify", "synthesis.baseline.en.*"),
)
"""Found by comparing what is answered with what should be."""
WATCHED = (
    Breakage("no Prometheus", "Nobody listens at the address of Prometheus.", "preflight", "telemetry.prometheus"),
    Breakage("not scraped", "Prometheus cannot reach /metrics.", "preflight", "telemetry.scraped"),
    Breakage("alert fires", "An alert of Segue's fires.", "preflight", "telemetry.firing"),
    Breakage("alerts not installed", "Prometheus has no file of our alerts.", "preflight", "telemetry.groups"),
    Breakage("alerts of other settings", "The alerts were written for others.", "preflight", "telemetry.edition"),
    Breakage("alert changed by hand", "Somebody raised the limit of an alert.", "preflight", "telemetry.rules"),
)
"""Found by asking the Prometheus that should watch."""
TABLE = (*BEFORE, *RUNNING, *HEARD, *VERIFIED, *WATCHED)
