"""Alerts about the servers themselves: whether they are there, what they wait for, and what operators must run."""

from segue.telemetry.rule import Alert, Group, Severity
from segue.telemetry.rules import Basis

JOB = "segue"
"""Name of the job under which Prometheus scrapes Segue."""
_HOUSE = "segue-operators"
_ROLE = '"role", "$1", "provider", "(.*?):.*"'
"""Takes the role out of the label `provider` of a reading, which is `role:name`."""


def server_alerts(basis: Basis) -> tuple[Group, ...]:
    """The groups of alerts about the servers."""
    return (
        Group("segue-presence", "Whether servers are there and can be seen.", _presence()),
        Group("segue-providers", "Whether somebody can write, speak and listen.", _providers()),
        Group("segue-keeping", "Whether what must be kept is kept.", (*_keeping(basis), *_audited(basis), *_beside())),
        Group("segue-operations", "Rollouts, and what operators must run.", _operations(basis)),
    )


def _presence() -> tuple[Alert, ...]:
    return (
        Alert(
            "SegueDown",
            f'up{{job="{JOB}"}} == 0',
            Severity.PAGE,
            "{{ $labels.instance }} cannot be scraped",
            "Prometheus has not reached {{ $labels.instance }} for 1 min.",
            "A server is gone, or does not answer. Its listeners are served by others where there are any.",
            "Start it again; its log says why it ended. If it runs, look at what is between it and Prometheus.",
            for_s=60,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueGone",
            f'absent(up{{job="{JOB}"}})',
            Severity.PAGE,
            "Prometheus scrapes no Segue at all",
            f"There is no target of the job {JOB}: every other alert would be silent.",
            "Prometheus has lost its targets, so nothing here can tell whether Segue is well.",
            f"Look at Prometheus's own page of targets; the job must be called `{JOB}`, as in the exported example.",
            for_s=300,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueSilent",
            f'up{{job="{JOB}"}} == 1\nunless on (job, instance)\n  segue_build_info',
            Severity.TICKET,
            "{{ $labels.instance }} is no Segue",
            "{{ $labels.instance }} answers, but with no figures of Segue.",
            "Something else answers at the address, such as a proxy's own page.",
            "Open `/metrics` at that address, from the machine of Prometheus.",
            for_s=300,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueNodeDead",
            "max by (node) (segue_node_state) == 0",
            Severity.TICKET,
            "Node {{ $labels.node }} is dead",
            "No server reached node {{ $labels.node }} for 5 min.",
            "Chats that live on that node cannot be read or continued.",
            "[Several nodes](../how-to/several-nodes.md) says what a dead node means, and how to bring it back.",
            for_s=300,
            dashboard=_HOUSE,
        ),
    )


def _providers() -> tuple[Alert, ...]:
    unusable = "clamp_max(segue_provider_resting + segue_provider_left_out, 1)"
    return (
        Alert(
            "SegueNobodyServes",
            f"min by (job, instance, role) (\n  label_replace({unusable}, {_ROLE})\n) == 1",
            Severity.PAGE,
            "Every {{ $labels.role }} of {{ $labels.instance }} is resting",
            "For 1 min no {{ $labels.role }} of {{ $labels.instance }} could be used: each has failed so often that it "
            "is left alone, or was taken out.",
            "The whole chain of a role is open. Listeners of this server get no reply, no sound, or are not heard.",
            "`segue providers` shows the last error of each. They are tried out by themselves; add one that needs no "
            "network, such as the embedded synthesizer.",
            for_s=60,
        ),
        Alert(
            "SegueProviderResting",
            "segue_provider_resting == 1",
            Severity.TICKET,
            "{{ $labels.provider }} is resting",
            "{{ $labels.provider }} has been left alone by {{ $labels.instance }} for 5 min.",
            "Its calls failed or were slow, and short calls that try it out fail as well; others stand in for it.",
            "`segue providers` shows its last error.",
            "voice.breaker decides when a provider rests",
            for_s=300,
        ),
        Alert(
            "SegueProviderLeftOut",
            "segue_provider_left_out == 1",
            Severity.TICKET,
            "{{ $labels.provider }} is left out",
            "{{ $labels.provider }} has not been usable at {{ $labels.instance }} for 15 min.",
            "It has no key or no program, or an operator switched it off.",
            "`segue providers` says why. If it is meant to be so, take it out of the configuration.",
            for_s=900,
        ),
        Alert(
            "SegueWorkerNotReady",
            "segue_worker_ready == 0",
            Severity.TICKET,
            "Worker {{ $labels.worker }} is not ready",
            "Worker {{ $labels.worker }} of {{ $labels.instance }} has not been ready for 2 min.",
            "A process that speaks or listens ended, and could not be started again: less can be done at once.",
            "The log of the server has its last words. Memory is the usual reason.",
            for_s=120,
            dashboard="segue-machine",
        ),
    )


def _keeping(basis: Basis) -> tuple[Alert, ...]:
    return (
        Alert(
            "SegueDatabaseGone",
            "segue_database_ready == 0",
            Severity.PAGE,
            "{{ $labels.instance }} cannot write to its database",
            "The last write of {{ $labels.instance }} failed, and none has succeeded for 1 min.",
            "Nothing is kept: no record, no entry of the audit. Operators' messages are refused; replies go on.",
            "Look at the database itself: is it up, is the disk full? Segue goes on by itself when it is back.",
            for_s=60,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueWritesQueue",
            f"segue_queued_writes > {basis.alerts.queued_writes}",
            Severity.TICKET,
            "Writes wait for the database",
            "{{ $value | humanize }} writes of {{ $labels.instance }} wait for the database; the limit is "
            f"{basis.alerts.queued_writes}.",
            "The database is slower than what is to be written.",
            "Look at the disk and at other users of the database.",
            "telemetry.alerts.queued_writes",
            for_s=120,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueWritesLost",
            "increase(segue_lost_writes_total[10m]) > 0",
            Severity.PAGE,
            "Records are being lost",
            "{{ $labels.instance }} gave up {{ $value | humanize }} records within 10 min.",
            "Records of turns could not be written and are gone; the evidence of a rollout lacks them.",
            "Mend the database first. Hold a running rollout until it is well: `segue rollout pause`.",
            dashboard=_HOUSE,
        ),
    )


def _audited(basis: Basis) -> tuple[Alert, ...]:
    head_s = basis.head_s
    return (
        Alert(
            "SegueAuditHeadLate",
            f"segue_audit_head_age_seconds > {3 * head_s:g}",
            Severity.TICKET,
            "Entries of the audit wait for their signed head",
            f"Entries have waited for {{{{ $value | humanizeDuration }}}}; a head is due after {head_s:g} s.",
            "As long as there is no signed head in a second place, whoever can write to the database could change the "
            "newest entries unseen.",
            "[The audit](../how-to/audit-and-retention.md): is the place of the heads there, and can it be written?",
            "audit.head_s, three times over",
            for_s=60,
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueAuditFailing",
            "increase(segue_audit_failures_total[15m]) > 0",
            Severity.TICKET,
            "The audit could not do its work",
            "{{ $value | humanize }} heads or prunings of {{ $labels.instance }} failed within 15 min.",
            "A head could not be written down, or old entries could not be removed.",
            "The log names the reason: `audit` and a sentence.",
            dashboard=_HOUSE,
        ),
    )


def _beside() -> tuple[Alert, ...]:
    return (
        Alert(
            "SegueRedisGone",
            "segue_redis_gone_seconds > 60",
            Severity.TICKET,
            "Redis is gone",
            "{{ $labels.instance }} has not reached Redis for {{ $value | humanizeDuration }}.",
            "Each server allows its part of the rate limits by itself; nothing is refused for that.",
            "[Share a Redis](../how-to/share-redis.md). Segue takes it up again by itself.",
            dashboard=_HOUSE,
        ),
        Alert(
            "SegueSpansDropped",
            "increase(segue_spans_dropped_total[15m]) > 0",
            Severity.TICKET,
            "Traces are being dropped",
            "{{ $labels.instance }} dropped {{ $value | humanize }} spans within 15 min.",
            "The collector of traces is gone or too slow. No listener waits for it.",
            "[Traces](../how-to/traces.md).",
            "telemetry.queue_spans bounds what waits",
            for_s=300,
            dashboard=_HOUSE,
        ),
    )


def _rollouts() -> tuple[Alert, ...]:
    return (
        Alert(
            "SegueRolloutStalled",
            "segue_rollout_stalled == 1",
            Severity.PAGE,
            "A rollout is not looked after",
            "{{ $labels.instance }} has not looked at its rollout for 1 min.",
            "The share stands still, and a harmful candidate would not be rolled back.",
            "`segue rollout status`; roll back by hand if the candidate harms: `segue rollout rollback`.",
            "three times delivery.tick_s, judged by the server",
            for_s=60,
            dashboard="segue-rollout",
        ),
        Alert(
            "SegueDeliveryFailing",
            "increase(segue_delivery_failures_total[10m]) > 10",
            Severity.TICKET,
            "The delivery plane fails again and again",
            "{{ $value | humanize }} attempts of {{ $labels.instance }} failed within 10 min; they are tried again.",
            "Looking at a rollout, or telling people of it, does not succeed.",
            "The log names the reason; the database is the usual one.",
            dashboard="segue-rollout",
        ),
        Alert(
            "SegueMessagesGivenUp",
            'increase(segue_messages_total{result="given_up"}[1h]) > 0',
            Severity.TICKET,
            "People were not told of a rollout",
            "{{ $value | humanize }} messages about rollouts were given up within the last hour.",
            "Somebody who should approve or know was not reached.",
            "[Approve, and tell people](../how-to/approve-and-notify.md): does the address still work?",
            dashboard="segue-rollout",
        ),
    )


def _operations(basis: Basis) -> tuple[Alert, ...]:
    return (
        *_rollouts(),
        _canary(basis.alerts.canary_s),
        *_backup(basis.alerts.backup_s),
        Alert(
            "SegueOperationFailed",
            'max by (command) (segue_operation_outcome{command=~"canary|verify|preflight|backup"} > 0) != 2',
            Severity.TICKET,
            "segue {{ $labels.command }} failed",
            "The last run of segue {{ $labels.command }} ended with exit code {{ $value }}: 1 failed, 3 had no data.",
            "A check that operators run found something that does not hold.",
            "Run it again and read its reasons; each has a line that says what to do.",
            for_s=60,
            dashboard=_HOUSE,
        ),
    )


def _canary(due_s: float) -> Alert:
    return _stale(
        "canary",
        due_s,
        "SegueCanaryStale",
        "No canary looks after {{ $labels.instance }}",
        "Nobody has tried out the voices from outside for too long, or ever.",
        "Run `segue canary`, and see why its timer did not.",
    )


def _backup(due_s: float) -> tuple[Alert, ...]:
    if not due_s:
        return ()
    return (
        _stale(
            "backup",
            due_s,
            "SegueBackupStale",
            "Nobody backs up {{ $labels.instance }}",
            "What is lost with this disk is lost since then, or for ever.",
            "Run `segue backup --out` to another disk, and see why its timer did not.",
        ),
    )


def _stale(command: str, due_s: float, name: str, summary: str, meaning: str, remedy: str) -> Alert:
    """One that was never run leaves no series: so it is asked of each server that is there, and 0 stands for none.

    Servers that share a database tell the same; those that do not each need runs of their own.
    """
    server = "max by (job, instance)"
    age = f'{server} (segue_operation_age_seconds{{command="{command}"}})'
    return Alert(
        name,
        f"{age} > {due_s:g}\nor\n  0 * {server} (segue_build_info)\nunless\n  {age}",
        Severity.TICKET,
        summary,
        f"{{{{ if $value }}}}The last {command} was {{{{ $value | humanizeDuration }}}} ago{{{{ else }}}}"
        f"No {command} is on record{{{{ end }}}}; it is due every {due_s / 3600:g} h.",
        meaning,
        remedy,
        f"telemetry.alerts.{command}_s",
        for_s=300,
        dashboard=_HOUSE,
    )
