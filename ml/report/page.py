"""Gather what the report tells, render it, and write it to the lake."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.errors import LakeError
from include.lake import Lake
from include.months import parse_month
from include.publish import list_months
from include.report_index import write_index
from include.rule_words import HOLDING, REFUSING, WARNING
from include.timeframes import timeframe_length
from include.universes import load_universe
from ml.report.configuration import content_hash, versions
from ml.report.feature_quality import Features, read_quality
from ml.report.formats import FILTERS
from ml.report.gaps import by_year
from ml.report.intake import Intake, read_intake
from ml.report.models import read_models
from ml.report.quality import read_quality_page
from ml.report.refusals import read_refusals
from ml.report.runs import DATA_DOCS, quality_path, report_path

_LOG = logging.getLogger(__name__)
#: Gaps of a symbol, refused rows and jumps beyond this are only counted, so that the page stays light on a phone.
_MOST = 200
#: What the pages are made of; Airflow shows more pages made of the same.
TEMPLATES = Path(__file__).parent / "templates"


def publish(lake: Lake, *, run: str, universe: str, timeframe: str, months: list[str] | None) -> str:
    """Write the report of a run, and beside it the quality page; return the report's path below the lake's root.

    Parameters
    ----------
    run
        Names the folder; an earlier report of the same run is replaced.
    universe, timeframe
        What the run was asked for. The page shows the universe's bars whatever source they came from, and says which.
    months
        Months that the run changed; None: not known.

    Raises
    ------
    ConfigurationError
        If the run, universe, timeframe or a month is not one.
    LakeError
        If the lake holds no bar of the universe, or something in it is damaged. Where symbols are held back the quality page is written
        all the same, and named.
    """
    path = report_path(run)
    timeframe_length(timeframe)
    changed = None if months is None else sorted(parse_month(month) for month in set(months))
    judged = _judge(lake, run, universe, timeframe)
    try:
        content = judged | _gather(lake, judged, changed)
    except LakeError as error:
        if not any(symbol.holds for symbol in judged["quality"].symbols):
            raise
        write_page(lake, quality_path(run), judged | {"reported": False}, "quality.html")
        raise LakeError(f"{error}; what is held back, and why: {lake.url}/{quality_path(run)}") from error
    lake.write(quality_path(run), render(content | {"reported": True}, "quality.html").encode())
    write_page(lake, path, content | {"quality": content["quality"].within}, "page.html")
    _LOG.info("report: %s/%s", lake.url, path)
    return path


def write_page(lake: Lake, path: str, content: dict[str, Any], template: str) -> None:
    """Write a page of a run, and the page that leads to all of them."""
    lake.write(path, render(content, template).encode())
    write_index(lake)


def render(content: dict[str, Any], template: str = "page.html") -> str:
    """Make the page out of what was gathered; everything is escaped but for what the templates and charts draw."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(content, style=(TEMPLATES / "style.css").read_text(encoding="utf-8"))


def _judge(lake: Lake, run: str, name: str, timeframe: str) -> dict[str, Any]:
    """What the quality page tells, bars or none."""
    universe = load_universe(name)
    quality = read_quality_page(lake, universe, timeframe)
    return {
        "run": run,
        "universe": universe,
        "timeframe": timeframe,
        "made_at": datetime.now(UTC),
        "quality": quality,
        "outside": [*(symbol.symbol for symbol in quality.outside), *quality.unseen],
        "words": HOLDING | REFUSING | WARNING,
        "refusing": REFUSING,
        "warning": WARNING,
        "holding": HOLDING,
        "most": _MOST,
        "docs": lake.exists(DATA_DOCS),
    }


def _gather(lake: Lake, judged: dict[str, Any], changed: list[str] | None) -> dict[str, Any]:
    """What the report tells beyond :func:`_judge`."""
    universe, timeframe, quality = judged["universe"], judged["timeframe"], judged["quality"]
    intake = read_intake(lake, universe, timeframe, set(changed or ()))
    features, features_problem = _features(lake, timeframe, intake)
    gaps = [by_year(symbol) for symbol in quality.within.symbols if symbol.total("expected")]
    return {
        "changed": changed,
        "published": list_months(lake, lake.bars(timeframe)),
        "intake": intake,
        "refusals": read_refusals(lake, universe, timeframe),
        "gaps": gaps,
        "gap_years": sorted({year for gap in gaps for year in gap.years}),
        "features": features,
        "features_problem": features_problem,
        "models": read_models(lake, universe.name, timeframe, features.feature_set.id if features else None),
        "bars_hash": content_hash(lake, lake.bars(timeframe)),
        "versions": versions(),
    }


def _features(lake: Lake, timeframe: str, intake: Intake) -> tuple[Features | None, str | None]:
    firsts = [symbol.first for symbol in intake.present if symbol.first]
    lasts = [symbol.last for symbol in intake.present if symbol.last]
    symbols = [symbol.instrument.symbol for symbol in intake.present]
    try:
        return read_quality(lake, timeframe, symbols, min(firsts), max(lasts)), None
    except LakeError as error:
        # The bars are worth a page even where the features are not there; the page says why they are missing.
        return None, str(error)
