"""Figures beside the catalogue of measures: how the server itself stands, read at the moment of asking."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure beside the catalogue, read when Prometheus asks. At most one label; `counter` if it only grows."""

    name: str
    meaning: str
    label: str = ""
    counter: bool = False

    @property
    def metric(self) -> str:
        """The Prometheus name."""
        return f"segue_{self.name}_total" if self.counter else f"segue_{self.name}"


READINGS: tuple[Reading, ...] = (
    Reading("send_requests", "Requests to send a message, by what came of them.", "outcome", counter=True),
    Reading("rate_limited", "Messages that were refused by a rate limit, by its policy.", "policy", counter=True),
    Reading("idempotency_replays", "Requests that were answered as the same request before.", counter=True),
    Reading("running_replies", "Replies to operators' messages that are being made."),
    Reading("taken_over_replies", "Replies that were begun anew because their server had gone.", counter=True),
    Reading("running_turns", "Turns that are running."),
    Reading("worker_ready", "Whether a worker process is ready (1) or not (0).", "worker"),
    Reading("worker_restarts", "Times a worker process was started again after it had ended.", "worker", counter=True),
    Reading("database_ready", "Whether the last write to the database succeeded (1) or not (0)."),
    Reading("queued_writes", "Writes that wait for the database."),
    Reading(
        "provider_resting", "Whether a provider is left alone for now (1), tried out (0.5) or used (0).", "provider"
    ),
    Reading("provider_left_out", "Whether a provider cannot be used, or is switched off (1), or can (0).", "provider"),
    Reading("settings_version", "Number of the version of the live settings that is in force; 0 for none."),
    Reading("settings_followed", "Whether it is known which version is the newest (1) or not (0)."),
    Reading("fallbacks", "Times another provider was asked after one had failed.", "role", counter=True),
    Reading("repeats", "Times the same provider was asked once more.", "role", counter=True),
    Reading("probes", "Short calls that try out providers which were resting.", "role", counter=True),
    Reading(
        "hedges",
        "Times a second synthesizer was asked beside a slow one; `won` if it was quicker.",
        "result",
        counter=True,
    ),
    Reading("cache_lookups", "Sentences looked up in the audio cache, by what came of it.", "result", counter=True),
    Reading("cache_writes", "Sentences offered to the audio cache, by what came of it.", "result", counter=True),
    Reading("degradation", "How an axis is served: 0 ok, 1 unknown, 2 slow, 3 fast or degraded, 4 emergency.", "axis"),
    Reading("ignored_sessions", "Tokens of sessions that could not be believed, by why.", "reason", counter=True),
    Reading("lost_writes", "Records that could not be written and were given up.", counter=True),
    Reading(
        "rollout_share",
        "The part of a live rollout's cohort that hears the candidate, as this server has it.",
        "rollout",
    ),
    Reading("rollout_phase", "The phase of the live rollout is 1, every other one 0; all are 0 without one.", "phase"),
    Reading("rollout_ticks", "Looks at a rollout that ended well.", counter=True),
    Reading(
        "rollout_stalled", "Whether a rollout of this server was not looked at for three intervals (1) or was (0)."
    ),
    Reading("rollout_conflicts", "Changes that another server made first.", counter=True),
    Reading("delivery_failures", "Times something of the delivery plane failed and is tried again.", counter=True),
    Reading("abandoned_turns", "Turns of a rollout whose listener left before the first sound.", "arm", counter=True),
    Reading(
        "cursor_requests", "Requests for a page of a list: the first, a next one, or refused.", "page", counter=True
    ),
    Reading("node_state", "How another node is: ready (1), not ready (0.5) or dead (0).", "node"),
    Reading(
        "messages", "Messages about rollouts: `delivered`, or `given_up` after the last try.", "result", counter=True
    ),
    Reading(
        "spans_dropped", "Spans of traces that were given up: the queue was full, or nobody took them.", counter=True
    ),
    Reading("audit_entries", "Number of the newest entry of the audit.", counter=True),
    Reading("audit_heads", "Heads of the audit that this server signed and wrote down.", counter=True),
    Reading("audit_head_age_seconds", "For how long entries of the audit have waited for a signed head; 0 for none."),
    Reading("audit_failures", "Times a head could not be written down, or a pruning be done.", counter=True),
    Reading("operation_age_seconds", "How long ago an operator's command was last on record.", "command"),
    Reading(
        "operation_outcome", "How it came out, as its exit code: 0 ok, 1 failed, 2 a warning, 3 no data.", "command"
    ),
    Reading("redis_gone_seconds", "For how long Redis has been gone; 0 while it is well."),
    Reading(
        "limited_alone",
        "Requests whose rate limits this server decided by itself, because Redis was gone.",
        counter=True,
    ),
)
