"""Panels of a Grafana dashboard as plain values, and how they are laid out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 39
"""Of Grafana 10.4; later ones take it over."""
COLUMNS = 24
HEIGHT = 8
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its expressions by legend, its unit as Grafana calls it, and a line where it begins to be bad."""

    title: str
    series: Mapping[str, str]
    """By legend, such as `{{profile}}`: the expression."""
    unit: str = "short"
    about: str = ""
    bad_from: tuple[float, ...] = ()
    """Limits in the panel's unit, drawn as lines; the highest in red."""
    kind: str = "timeseries"
    """`timeseries`, or `stat` for one figure."""
    width: int = 12
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels. `variables` are label values to choose from, by name: the query that gives them."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]
    variables: Mapping[str, str]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


def text(dashboard: Dashboard, others: Iterable[Dashboard] = ()) -> str:
    """The file that Grafana imports, with links to the other dashboards."""
    plain = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["segue"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_alerts()]},
        "links": [_link(other) for other in others if other.uid != dashboard.uid],
        "templating": {"list": [_source(), *(_variable(name, query) for name, query in dashboard.variables.items())]},
        "panels": _laid_out(dashboard.rows),
    }
    return json.dumps(plain, ensure_ascii=False, indent=2) + "\n"


def _laid_out(rows: Iterable[Row]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        found.append({"id": len(found) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": place})
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y = 0, y + HEIGHT
            found.append(_panel(panel, len(found) + 1, x, y))
            x += panel.width
        y += HEIGHT
    return found


def _panel(panel: Panel, id: int, x: int, y: int) -> dict[str, Any]:  # noqa: A002 - it is what Grafana calls it
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    colours = ["orange"] * (len(panel.bad_from) - 1) + ["red"]
    steps += [{"color": colour, "value": limit} for limit, colour in zip(sorted(panel.bad_from), colours, strict=False)]
    custom: dict[str, Any] = {
        "drawStyle": "line",
        "fillOpacity": 10,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "line" if panel.bad_from else "off"},
    }
    defaults = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "id": id,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {
            "defaults": defaults | ({"custom": custom} if panel.kind == "timeseries" else {}),
            "overrides": [],
        },
        "options": _options(panel.kind),
        "targets": [
            {"refId": chr(65 + at), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "range": True}
            for at, (legend, expr) in enumerate(panel.series.items())
        ],
    }


def _options(kind: str) -> dict[str, Any]:
    if kind == "stat":
        return {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertstate="firing",alertname=~"Segue.*"}',
        "titleFormat": "{{alertname}}",
    }


def _link(other: Dashboard) -> dict[str, Any]:
    return {"type": "link", "title": other.title, "url": f"/d/{other.uid}", "keepTime": True}
