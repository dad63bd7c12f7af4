"""Every file for the tools that watch Segue: rules, dashboards, and examples of how to have them read."""

from collections.abc import Mapping
from enum import StrEnum

from segue.telemetry import panels, rule
from segue.telemetry.alerts import alerts, everything
from segue.telemetry.alerts_server import JOB
from segue.telemetry.dashboards import dashboards
from segue.telemetry.rule import Group, Links
from segue.telemetry.rules import Basis, recordings

RULES = "segue.rules.yaml"
HERE = Links()
"""Paths of this project, for want of addresses."""
_SCRAPE = """\
# An example for Prometheus. Put the addresses of your servers in, and the file of rules beside it.
global:
  scrape_interval: 15s
  evaluation_interval: 30s
rule_files:
  - {rules}
scrape_configs:
  - job_name: {job}
    metrics_path: /metrics
    static_configs:
      - targets: ["127.0.0.1:8002"]
# alerting:
#   alertmanagers:
#     - static_configs: [{{targets: ["127.0.0.1:9093"]}}]
"""
_ROUTES = """\
# An example for Alertmanager: pages at once, tickets gathered. Put your own receivers in.
route:
  receiver: tickets
  group_by: [alertname, profile, provider]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 24h
  routes:
    - matchers: [severity = page]
      receiver: pager
      group_wait: 10s
      repeat_interval: 1h
inhibit_rules:
  # Whoever is called because nobody gets a reply needs no ticket about what follows from it.
  - source_matchers: [alertname = SegueOutage]
    target_matchers: [severity = ticket]
  - source_matchers: [alertname = SegueDown]
    target_matchers: [severity = ticket]
    equal: [instance]
receivers:
  - name: pager
    webhook_configs: [{url: "http://127.0.0.1:9099/page"}]
  - name: tickets
    webhook_configs: [{url: "http://127.0.0.1:9099/ticket"}]
"""


class Part(StrEnum):
    """What can be written alone."""

    ALERTS = "alerts"
    RULES = "rules"
    DASHBOARDS = "dashboards"


def groups(basis: Basis, only: Part | None = None) -> tuple[Group, ...]:
    """The groups of rules that a file holds."""
    if only is Part.RULES:
        return recordings(basis)
    return alerts(basis) if only is Part.ALERTS else everything(basis)


def files(basis: Basis, only: Part | None = None, links: Links = HERE) -> Mapping[str, str]:
    """By name: the text of each file. The same settings and plans give the same bytes."""
    found: dict[str, str] = {}
    if only is not Part.DASHBOARDS:
        found[RULES] = rule.text(groups(basis, only), links)
    if only in (None, Part.DASHBOARDS):
        pages = dashboards(basis)
        found |= {f"dashboards/{page.uid}.json": panels.text(page, pages) for page in pages}
    if only is None:
        found["prometheus.yaml"] = _SCRAPE.format(rules=RULES, job=JOB)
        found["alertmanager.yaml"] = _ROUTES
    return found
