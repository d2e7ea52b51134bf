"""The page of a run of ``simulate_trades``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from include.errors import LakeError
from ml.dataset import Source
from ml.report.page import write_page
from ml.report.runs import report_path
from ml.report.trading import count_tried, read_trading

_LOG = logging.getLogger(__name__)


def publish_trades_page(source: Source, tried: Mapping[str, int], *, run: str, seed: int) -> str:
    """Write the page that shows some runs of trades beside each other; return its path below the lake's root.

    Parameters
    ----------
    tried
        By id of a run how many strategies were simulated, also those that never traded.

    Raises
    ------
    LakeError
        If none of them has a trade, or something in the lake is damaged.
    """
    everything = count_tried(source, tried)
    views = [view for run_id in tried if (view := read_trading(source, run_id, tried=everything, seed=seed)) is not None]
    if not views:
        raise LakeError(f"{source.lake.url}/trades holds no trade of {', '.join(tried)}; run the DAG simulate_trades")
    path = report_path(run)
    shown = {"run": run, "universe": source.universe, "timeframe": source.timeframe, "made_at": datetime.now(UTC), "views": views}
    write_page(source.lake, path, shown, "trades.html")
    for view in views:
        _LOG.info(
            "%s: %s, best of %d %s, p = %.3f", view.run_id, view.verdict, len(view.strategies), view.best.name, view.best.twins.p_value
        )
    _LOG.info("report: %s/%s", source.lake.url, path)
    return path
