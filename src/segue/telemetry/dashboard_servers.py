"""The dashboards of what operators do, and of the machines."""

from segue.telemetry.panels import Dashboard, Panel, Row
from segue.telemetry.promql import RANGE, metric, rated
from segue.telemetry.rules import Basis

_HERE = 'instance=~"$instance"'


def operators_dashboard(basis: Basis) -> Dashboard:
    """What operators do, what is kept of it, and the servers beside this one."""
    sends = (
        Panel(
            "Messages sent, by what came of them",
            {"{{outcome}}": rated("segue_send_requests_total", "outcome")},
            "reqps",
            stacked=True,
        ),
        Panel("Refused by a rate limit", {"{{policy}}": rated("segue_rate_limited_total", "policy")}, "reqps"),
        Panel("Answered as the same request before", {"replays": rated("segue_idempotency_replays_total")}, "reqps"),
        Panel(
            "Replies being made, and taken over",
            {
                "being made": "sum(segue_running_replies)",
                "taken over in 1 h": "sum(increase(segue_taken_over_replies_total[1h]))",
            },
        ),
        Panel("Turned away without a good key", {"{{reason}}": rated(metric("unauthorized"), "reason")}, "reqps"),
        Panel(
            "Tokens of sessions not believed", {"{{reason}}": rated("segue_ignored_sessions_total", "reason")}, "reqps"
        ),
        Panel("Limited by a server alone", {"alone": rated("segue_limited_alone_total")}, "reqps"),
        Panel(
            "Live settings: version in force",
            {"{{instance}}": "segue_settings_version", "{{instance}} follows": "segue_settings_followed"},
            about="Servers that share a database have the same within a second.",
        ),
        Panel("Pages of lists", {"{{page}}": rated("segue_cursor_requests_total", "page")}, "reqps"),
    )
    audit = (
        Panel("Entries of the audit", {"{{instance}}": "segue_audit_entries_total"}),
        Panel(
            "Oldest entry without a signed head",
            {"{{instance}}": "segue_audit_head_age_seconds"},
            "s",
            bad_from=(3 * basis.head_s,),
        ),
        Panel("Heads signed in an hour", {"{{instance}}": "increase(segue_audit_heads_total[1h])"}),
        Panel("Failures of the audit", {"{{instance}}": "increase(segue_audit_failures_total[1h])"}),
    )
    around = (
        Panel("Other nodes: ready (1), not ready (0.5), dead (0)", {"{{node}}": "max by (node) (segue_node_state)"}),
        Panel("Redis gone for", {"{{instance}}": "segue_redis_gone_seconds"}, "s", bad_from=(60.0,)),
        Panel("How long ago a command was run", {"{{command}}": "min by (command) (segue_operation_age_seconds)"}, "s"),
        Panel(
            "Exit code of the last run",
            {"{{command}}": "max by (command) (segue_operation_outcome)"},
            about="0 ok, 1 failed, 2 a warning, 3 no data.",
            bad_from=(1.0,),
        ),
    )
    return Dashboard(
        "segue-operators",
        "Segue: operators",
        "What operators do, what is kept of it, and the servers beside this one.",
        (Row("Messages", sends), Row("The audit", audit), Row("Around", around)),
        {},
    )


def machine_dashboard() -> Dashboard:
    """How the servers are."""
    process = (
        Panel("Up", {"{{instance}}": 'up{job="segue"}'}, width=8),
        Panel("Memory", {"{{instance}}": f"process_resident_memory_bytes{{{_HERE}}}"}, "bytes", width=8),
        Panel("Processor", {"{{instance}}": f"rate(process_cpu_seconds_total{{{_HERE}}}[{RANGE}])"}, width=8),
        Panel("Open files", {"{{instance}}": f"process_open_fds{{{_HERE}}}"}, width=8),
        Panel("Running turns", {"{{instance}}": f"segue_running_turns{{{_HERE}}}"}, width=8),
        Panel(
            "Edition",
            {
                "Segue {{version}}": "count by (version) (segue_build_info)",
                "rules {{digest}}": "count by (digest) (segue:rules:digest)",
            },
            about="Two lines of one kind mean that not every server has the same.",
            width=8,
        ),
    )
    requests = (
        Panel(
            "Requests", {"{{status}}": rated(f"segue_http_requests_total{{{_HERE}}}", "status")}, "reqps", stacked=True
        ),
        Panel(
            "Busiest doors",
            {"{{route}}": f"topk(8, {rated(f'segue_http_requests_total{{{_HERE}}}', 'route')})"},
            "reqps",
        ),
    )
    keeping = (
        Panel("Writes that wait", {"{{instance}}": f"segue_queued_writes{{{_HERE}}}"}),
        Panel("Records lost", {"{{instance}}": f"increase(segue_lost_writes_total{{{_HERE}}}[1h])"}, bad_from=(1.0,)),
        Panel("Workers ready", {"{{worker}}": f"segue_worker_ready{{{_HERE}}}"}),
        Panel("Workers started again", {"{{worker}}": f"increase(segue_worker_restarts_total{{{_HERE}}}[1h])"}),
    )
    return Dashboard(
        "segue-machine",
        "Segue: machines",
        "How the servers are.",
        (Row("Processes", process), Row("Requests", requests), Row("Keeping", keeping)),
        {"instance": "label_values(segue_build_info, instance)"},
    )
