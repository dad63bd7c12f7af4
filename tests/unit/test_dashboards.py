"""Dashboards: every panel can be evaluated and names what there is; its lines are the limits of the alerts."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from segue.measures import BY_NAME, MEASURES
from segue.telemetry.dashboards import dashboards
from segue.telemetry.files import RULES, Part, files
from segue.telemetry.readings import READINGS
from segue.telemetry.rule import Group, Links, Recording, alerts_of, stamped, text
from segue.telemetry.rules import Basis, recordings
from segue.vendors.degradation import ProfileSettings, ProfilesSettings
from segue.vendors.telemetry import AlertSettings
from tests.house.source import ROOT
from tests.prometheus import promtool
from tests.unit.test_alerts import BASIS
from tests.unit.test_alerts import RULES as GROUPS

FILES = files(BASIS)
PAGES = {name: json.loads(said) for name, said in FILES.items() if name.startswith("dashboards/")}
PANELS = [(name, panel) for name, page in PAGES.items() for panel in page["panels"] if panel["type"] != "row"]
RECORDED = {
    rule.record for group in stamped(recordings(BASIS), Links()) for rule in group.rules if isinstance(rule, Recording)
}
OTHERS = {"segue_build_info", "segue_http_requests_total"}


def known() -> set[str]:
    """Every metric and recorded series that there is."""
    found = {measure.metric for measure in MEASURES} | {reading.metric for reading in READINGS} | OTHERS | RECORDED
    histograms = [measure.metric for measure in MEASURES if measure.buckets]
    return found | {f"{name}_{end}" for name in histograms for end in ("bucket", "count", "sum")}


def named(expr: str) -> set[str]:
    """What an expression asks for of Segue's own."""
    bare = re.sub(r'"(\\.|[^"])*"', "", expr)
    return set(re.findall(r"(?:\w+:)?segue[_:][\w:]+", bare))


def test_every_panel_can_be_evaluated(tmp_path: Path) -> None:
    """Promtool reads every expression of every panel, with Grafana's own variables filled in."""
    rules = []
    for at, expr in enumerate(target["expr"] for _, panel in PANELS for target in panel["targets"]):
        filled = expr.replace("$__rate_interval", "5m").replace("$profile", ".*").replace("$variant", ".*")
        rules.append(Recording(f"panel:{at}", filled.replace("$instance", ".*")))
    group = Group("panels", "Every panel.", tuple(rules))
    (tmp_path / "panels.yaml").write_text(text([group], Links()), encoding="utf-8")
    assert f"{len(rules) + 1} rules found" in promtool("check", "rules", str(tmp_path / "panels.yaml"))


def test_panels_and_rules_ask_for_what_there_is() -> None:
    """Every metric in a panel, a recording or an alert is one that Segue exports, or that is recorded."""
    asked = {name for _, panel in PANELS for target in panel["targets"] for name in named(target["expr"])}
    asked |= {name for group in GROUPS for rule in group.rules for name in named(rule.expr)}
    assert asked <= known()
    assert {"segue_ttfa_seconds_bucket", "profile:segue_turns_slow:increase10m"} <= asked


def test_every_reading_and_measure_is_shown_or_watched() -> None:
    """What is exported is on a dashboard or in an alert: a figure that nobody sees is a figure too many."""
    asked = " ".join(FILES.values())
    unseen = {
        name
        for name in (*(each.metric for each in MEASURES), *(each.metric for each in READINGS))
        if not re.search(rf"\b{name}(_bucket|_count|_sum)?\b", asked)
    }
    assert not unseen


def test_dashboards_are_laid_out() -> None:
    """Each has an id and title of its own, panels that do not overlap and fit the width, and links to the others."""
    assert len({page["uid"] for page in PAGES.values()}) == len(PAGES) == len(dashboards(BASIS))
    for page in PAGES.values():
        assert page["schemaVersion"] >= 36
        ids = [panel["id"] for panel in page["panels"]]
        assert len(set(ids)) == len(ids)
        places = [panel["gridPos"] for panel in page["panels"]]
        assert all(place["x"] + place["w"] <= 24 for place in places)
        cells = [(x, y) for each in places for x in range(each["x"], each["x"] + each["w"])
                 for y in range(each["y"], each["y"] + each["h"])]  # fmt: skip
        assert len(set(cells)) == len(cells)
        assert len(page["links"]) == len(PAGES) - 1


def test_a_promise_moves_its_alert_and_its_line_together() -> None:
    """One setting is the limit of the alert, and the line in the panel of the first sound."""
    promised = ProfilesSettings(fast=ProfileSettings(ttfa_p95_ms=6000.0))
    changed = files(replace(BASIS, promised=promised))
    page = json.loads(changed["dashboards/segue-voice.json"])
    (panel,) = [each for each in page["panels"] if each["title"] == "First sound by variant"]
    assert 6.0 in [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert 'le="6.0",profile="fast"' in changed[RULES]
    assert 'le="5.0",profile="fast"' not in changed[RULES]
    assert changed[RULES] != FILES[RULES]


def test_a_limit_between_two_edges_is_counted_below_and_says_so() -> None:
    """A promise that is no edge of the histogram is counted at the next edge below, with a comment."""
    promised = ProfilesSettings(fast=ProfileSettings(ttfa_p95_ms=5500.0))
    said = files(replace(BASIS, promised=promised))[RULES]
    assert "voice.profiles.fast.ttfa_p95_ms: 5500 ms, counted at the edge of 5477.23 ms" in said
    assert 'le="5.477226",profile="fast"' in said


def test_every_shipped_limit_is_an_edge() -> None:
    """What the shipped settings and the project's plans count slow turns by is an edge, so the count is exact."""
    said = files(Basis(plans=BASIS.plans))[RULES]
    assert "counted at the edge" not in said
    edges = {repr(round(edge / 1000.0, 9)) for measure in BY_NAME.values() for edge in measure.buckets}
    assert set(re.findall(r'\ble="([^"]+)"', said)) <= edges


def test_the_same_settings_give_the_same_bytes() -> None:
    """Nothing in a file depends on the moment or the order of sets."""
    assert files(BASIS) == FILES
    assert set(files(BASIS, Part.DASHBOARDS)) == {name for name in FILES if name.startswith("dashboards/")}
    assert "alert:" not in files(BASIS, Part.RULES)[RULES]
    assert "SegueOutage" in files(BASIS, Part.ALERTS)[RULES]


def test_every_alert_leads_somewhere() -> None:
    """The section of the page of alerts is there, links in what to do lead to documents, and so does the dashboard."""
    page = (ROOT / "docs/reference/alerts.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("### ").lower() for line in page.splitlines() if line.startswith("### ")}
    uids = {each.uid for each in dashboards(BASIS)}
    for alert in alerts_of(GROUPS):
        assert Links().runbook(alert).rpartition("#")[2] in headings, alert.name
        assert alert.dashboard in uids
        for link in re.findall(r"\]\(\.\./([\w/-]+\.md)", alert.remedy):
            assert (ROOT / "docs" / link).is_file(), (alert.name, link)


@pytest.mark.parametrize("name", ["prometheus.yaml", "alertmanager.yaml"])
def test_the_examples_are_sound(name: str, tmp_path: Path) -> None:
    """Promtool reads the example of a scrape with the rules beside it; the route names receivers that there are."""
    if name == "prometheus.yaml":
        for file in (name, RULES):
            (tmp_path / file).write_text(FILES[file], encoding="utf-8")
        assert "SUCCESS" in promtool("check", "config", str(tmp_path / name))
        return
    said = FILES[name]
    receivers = set(re.findall(r"- name: (\w+)", said))
    assert set(re.findall(r"receiver: (\w+)", said)) == receivers


def test_an_alert_that_is_not_wanted_is_left_out() -> None:
    """Without a share that the audio cache must have there is no alert about it."""
    as_shipped = files(replace(BASIS, alerts=AlertSettings()))[RULES]
    assert "SegueCacheMisses" not in as_shipped
    assert "SegueBackupStale" not in as_shipped
    assert "SegueCacheMisses" in FILES[RULES]
