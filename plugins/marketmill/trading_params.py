"""The fields of forms that are about trades and strategies alone; as in :mod:`marketmill.params`."""

from __future__ import annotations

from airflow.sdk import Param

from include.costs import BEYOND, Costs
from marketmill.params import NAME, PATH, whole
from ml.catalog import BACKTESTS, CATALOG, STRATEGY_TYPES


def predictions() -> Param:
    """Whose predictions are traded on."""
    return Param(
        [],
        type=["null", "array"],
        items={"type": "string", "pattern": NAME},
        title="Predictions",
        examples=["direction_xgboost", "direction_lstm", "industry_linear"],
        description="Models whose predictions are traded on, one a line; with rules empty too: all rules and all that predicted.",
    )


def rules() -> Param:
    """Which rules."""
    return Param(
        [],
        type=["null", "array"],
        items={"type": "string", "pattern": NAME},
        title="Rules",
        examples=["moving_average_cross", "channel_breakout", "rsi_reversion", "momentum", "bollinger_reversion"],
        description="Published rules, one a line, each with all of its parameter sets; docs/simulation.md lists them.",
    )


def trade_days() -> Param:
    """How much is simulated."""
    return Param(None, type=["null", "integer"], minimum=1, title="Days", description="The last so many, in whole months; empty: all.")


def costs() -> Param:
    """What trading costs."""
    return Param(
        {},
        type=["null", "object"],
        title="Costs",
        additionalProperties=False,
        properties={name: {"type": "number", "minimum": 0, "exclusiveMaximum": BEYOND} for name in Costs.model_fields},
        examples=[{"fee": 0.001}],
        description="To ask what if: replace some of the costs of include/config/costs.yaml, fractions of the notional below 0.5 for one "
        "side: fee, half_spread, slippage, volatility_share. Nothing is learnt from such a run unless a form names it.",
    )


def allow_in_sample() -> Param:
    """Trade on what a model had learnt."""
    return Param(
        False,
        type="boolean",
        title="Allow in-sample predictions",
        description="Trade also on predictions whose outcome the model had learnt; the run is marked in-sample everywhere.",
    )


def fills_file() -> Param:
    """Real fills."""
    return Param(
        None,
        type=["null", "string"],
        pattern=PATH,
        title="CSV file of fills",
        description="For example /data/fills.csv. One row a trade; docs/simulation.md lists the columns.",
    )


def model_type() -> Param:
    """Which strategy model."""
    return Param(
        None,
        type=["null", "string"],
        enum=[None, *STRATEGY_TYPES, *(name for name, entry in CATALOG.items() if entry.learns_from == BACKTESTS)],
        values_display={"null": "all three"},
        title="Model type",
        description="ensemble to begin with; classifier for probabilities by a network; rl_agent for stakes; or an id. Empty: all three.",
    )


def min_composite_score() -> Param:
    """Filter by the past window."""
    return Param(
        0.5,
        type="number",
        minimum=0.3,
        maximum=1,
        title="Least composite score",
        description="Of the past window, which was known; the result without this filter stands beside.",
    )


def hyperparameter_search() -> Param:
    """Search first."""
    return Param(False, type="boolean", title="Search parameters", description="Estimators, rate, depth and penalty, on the earlier dates.")


def n_trials() -> Param:
    """How long to search."""
    return Param(100, type="integer", minimum=1, maximum=1000, title="Trials", description="Of the search; each counts as a try.")


def trades_run() -> Param:
    """Which run of trades to learn from."""
    return Param(
        None,
        type=["null", "string"],
        pattern=whole(r"[A-Za-z0-9][A-Za-z0-9_.\-]*"),
        title="Run of trades",
        description="Learn from the trades of this run alone (and real fills), whatever its costs: a name below trades/ of the lake "
        "without run=, for example rules-sample-1d-e6cc8334. Empty: from all runs at the costs of include/config/costs.yaml.",
    )
