"""Tightened alerts for the hours after a rollback: they name its run, and end by themselves."""

from dataclasses import dataclass
from datetime import UTC, datetime

from segue.telemetry.promql import SHARE, grown, metric, selected
from segue.telemetry.rule import Alert, Group, Links, Severity, addition
from segue.telemetry.rules import OVER

FAILED_SHARE = 0.02
MEAN_MS = 3000.0
SWITCHES_PER_H = 10
LASTS_H = 24
_PAGE = "how-to/roll-back-a-deployment.md#the-hours-after"


@dataclass(frozen=True, slots=True)
class AfterLinks(Links):
    """The notes of these alerts lead to the page of rollbacks."""

    def runbook(self, alert: Alert) -> str:
        """The section about the hours after."""
        del alert
        return f"{self.docs.rstrip('/')}/{_PAGE}"


def after_alerts(run: str, until_s: int) -> Group:
    """The alerts after a run, until a moment in Unix seconds."""
    turns = metric("turns")
    failed = grown(selected(turns, 'outcome="failed"'), "5m")
    mean = f"sum(increase({metric('turn')}_sum[10m])) / sum(increase({metric('turn')}_count[10m]))"
    switched = grown(selected(metric("served"), 'served=~"fallback|resumed"'), "1h")
    labels = {"kind": "after_rollback", "run": run}
    rules = (
        Alert(
            "SegueAfterRollbackFailing",
            until(f"{failed} / {grown(selected(turns, OVER), '5m')} > {FAILED_SHARE:g}", until_s),
            Severity.PAGE,
            "Turns fail after a rollback",
            f"{SHARE} of the turns of the last 5 min failed; {FAILED_SHARE:.0%} are allowed after a rollback.",
            "What was brought back is not well either.",
            "Go back further, or switch the failing provider off.",
            for_s=300,
            labels=labels,
        ),
        Alert(
            "SegueAfterRollbackSlow",
            until(f"{mean} > {MEAN_MS / 1000.0:g}", until_s),
            Severity.TICKET,
            "Replies are slow after a rollback",
            f"A reply takes {{{{ $value | humanizeDuration }}}} in the mean of 10 min; {MEAN_MS:g} ms are allowed.",
            "Listeners wait longer than they should after a rollback.",
            "Compare with the baseline: segue validate --baseline FILE.",
            for_s=600,
            labels=labels,
        ),
        Alert(
            "SegueAfterRollbackSwitching",
            until(f"{switched} > {SWITCHES_PER_H}", until_s),
            Severity.TICKET,
            "Providers are switched often after a rollback",
            f"{{{{ $value | humanize }}}} turns fell back to another provider within 1 h; {SWITCHES_PER_H} may.",
            "The first provider fails now and then.",
            "segue providers says why.",
            labels=labels | {"level": "info"},
        ),
    )
    return Group(f"segue-after-{run}", f"After the rollback {run}; silent from {_moment(until_s)} on.", rules)


def until(expr: str, until_s: int) -> str:
    """An expression that is true of nothing from a moment on, in Unix seconds."""
    return f"({expr})\nand on ()\n  (vector(time()) < {until_s})"


def after_rules(run: str, until_s: int, links: Links | None = None) -> str:
    """The file of rules after a run."""
    opening = (
        f"Rules for Prometheus in the hours after the rollback {run}. They end at {_moment(until_s)} by themselves;\n"
        "take the file away then."
    )
    return addition((after_alerts(run, until_s),), links or AfterLinks(), opening)


def _moment(until_s: int) -> str:
    return datetime.fromtimestamp(until_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
