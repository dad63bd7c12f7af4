"""Alerts about budgets: what an objective allows to go wrong in a month, and how fast it is being used up.

Several times and several paces, each judged over a long time and still over a short one: soon where much burns, and
silent soon after it is over.
"""

from segue.telemetry.promql import SHARE, SLOW_SHARE
from segue.telemetry.rule import Alert, Group, Severity
from segue.telemetry.rules import Basis

BURNS = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
"""How many times too fast the budget burns, over a long time and still over a short one, when people are called."""
SLOW_BURNS = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))
"""The same for a ticket."""


def budget_alerts(basis: Basis) -> Group:
    """The group of alerts about budgets."""
    return Group("segue-budgets", "How fast the budgets of the objectives burn.", _budgets(basis))


def _budgets(basis: Basis) -> tuple[Alert, ...]:
    failed = round(1.0 - basis.alerts.success_share, 6)
    return (
        *_burning(
            basis,
            "SegueTTFABudget",
            "first sounds that come in time",
            ("profile:segue_turns_slow:increase{}", "profile:segue_turns_over:increase{}"),
            SLOW_SHARE,
            "a 95th percentile: 5 % may be slower than voice.profiles.*.ttfa_p95_ms",
        ),
        *_burning(
            basis,
            "SegueSuccessBudget",
            "turns that succeed",
            ("sum(profile:segue_turns_failed:increase{})", "sum(profile:segue_turns_over:increase{})"),
            failed,
            "telemetry.alerts.success_share",
        ),
        *_burning(
            basis,
            "SegueUnderflowBudget",
            "replies without a hole",
            ("segue:underflow_turns:increase{}", "segue:turns_ended:increase{}"),
            basis.underflow_share,
            f"voice.profiles.{basis.profile}.underflow_share",
        ),
    )


def _burning(
    basis: Basis, name: str, what: str, counts: tuple[str, str], budget: float, source: str
) -> tuple[Alert, ...]:
    """A page for a budget that is gone in days, and a ticket for one that is gone before its month is over."""

    def alert(end: str, burns: tuple[tuple[float, str, str], ...], severity: Severity) -> Alert:
        fastest, long, _ = burns[0]
        return Alert(
            name + end,
            "\nor\n".join(_burn(basis, counts, budget, *burn) for burn in burns),
            severity,
            f"The budget of {what} burns too fast",
            f"{SHARE} were bad, where {budget * 100:g} % may be: at this pace the budget of a month is gone long "
            "before the month is.",
            f"Too much of what the objective allows is used up at once: {_factors(burns)}. Both times of a pair must "
            "agree, so that it fires soon, and ends soon after the trouble does.",
            "Treat it as the trouble itself: the alert without `Budget` in its name says more. If there is none, the "
            "loss is small but steady; compare the last days in the dashboard.",
            f"{source}, burnt {fastest:g} times too fast over {long}; voice.degradation.min_turns",
            labels={"budget": f"{budget:g}"},
        )

    return alert("Page", BURNS, Severity.PAGE), alert("Ticket", SLOW_BURNS, Severity.TICKET)


def _burn(basis: Basis, counts: tuple[str, str], budget: float, factor: float, long: str, short: str) -> str:
    (bad, every), (bad_now, every_now) = ([each.format(window) for each in counts] for window in (long, short))
    limit = min(0.999, round(factor * budget, 9))  # a budget may be so large that no share burns it so fast
    return (
        f"(\n  {bad} / {every} > {limit:g}\nand\n  {bad_now} / {every_now} > {limit:g}\n"
        f"and\n  round({every}) >= {basis.degradation.min_turns}\n"
        f"and\n  round({bad}) >= {basis.alerts.min_bad}\n)"
    )


def _factors(burns: tuple[tuple[float, str, str], ...]) -> str:
    return ", or ".join(f"{factor:g} times too fast over {long} and over {short}" for factor, long, short in burns)
