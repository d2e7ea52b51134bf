"""The catalogue of models: data only, so that DAGs and forms may import it without any library of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from include.errors import ConfigurationError
from include.timeframes import TIMEFRAMES

if TYPE_CHECKING:
    from ml.protocol import Model


#: What rows are made of; backtests are for ``train_strategies``, all else for ``train_models``.
FEATURES, TRADES, BACKTESTS = "features", "trades", "backtests"
INTRADAY_AND_DAILY = ("5m", "1h", "1d")
#: Common days of a challenger and its champion on bars shorter than a day: six blocks of four, each longer than any outcome is open.
FEWEST_DAYS_OF_SHORT_BARS = 24


@dataclass(frozen=True)
class Entry:
    """One model.

    ``implementation`` is ``module:class``, ``libraries`` are the distributions whose version can change its result. ``learns_from`` is
    what the rows are made of; ``settings`` are params that its class can be built with. ``fewest_dates`` is how many distinct
    dates a challenger and its champion must have in common to be compared, on daily bars.
    """

    model_id: str
    question: str
    label: str
    implementation: str
    libraries: tuple[str, ...]
    timeframes: tuple[str, ...] = ("1d",)
    learns_from: str = FEATURES
    settings: tuple[str, ...] = ()
    fewest_dates: int = 120


#: Words by which people call the strategy models.
STRATEGY_TYPES = {"ensemble": "strategy_ensemble", "classifier": "strategy_classifier", "rl_agent": "strategy_agent"}
_TRADE: Any = {"timeframes": INTRADAY_AND_DAILY, "learns_from": TRADES}
_STRATEGY: Any = {"timeframes": tuple(TIMEFRAMES), "learns_from": BACKTESTS, "settings": ("min_composite_score",), "fewest_dates": 24}

_ENTRIES = (
    Entry(
        "industry_linear",
        question="Does what an instrument and its peers did lately say where it goes over the next days?",
        label="log return over the next 5 sessions",
        implementation="ml.models.industry_linear:IndustryLinear",
        libraries=("numpy", "scikit-learn", "statsmodels"),
    ),
    Entry(
        "volatility_garch",
        question="How volatile are the 20 daily returns that end tomorrow, and the next 20?",
        label="standard deviation of 20 daily returns",
        implementation="ml.models.volatility_garch:VolatilityGarch",
        libraries=("arch", "numpy", "scipy"),
    ),
    Entry(
        "volatility_lstm",
        question="How volatile are the 20 daily returns that end tomorrow, and the next 20, by a network?",
        label="standard deviation of 20 daily returns",
        implementation="ml.models.volatility_lstm:VolatilityLstm",
        libraries=("arch", "keras", "numpy", "scipy", "tensorflow"),
    ),
    Entry(
        "regime5_xgboost",
        question="Which of five market regimes rules today, tomorrow, in a week and in a month of sessions?",
        label="market regime, codes 0 to 4",
        implementation="ml.models.regime5_xgboost:Regime5Xgboost",
        libraries=("numpy", "xgboost"),
    ),
    Entry(
        "regime4_forest",
        question="Which of four market regimes rules today, tomorrow, in a week and in a month of sessions?",
        label="market regime, codes 0 to 3",
        implementation="ml.models.regime4_forest:Regime4Forest",
        libraries=("numpy", "scikit-learn"),
    ),
    Entry(
        "regime3_xgboost",
        question="Does the market trend, range, or is it better left alone, now and 1, 6 and 24 bars from now?",
        label="TREND, RANGE or NO_TRADE, codes 0 to 2",
        implementation="ml.models.regime3_xgboost:Regime3Xgboost",
        libraries=("numpy", "xgboost"),
        timeframes=INTRADAY_AND_DAILY,
    ),
    Entry(
        "direction_xgboost",
        question="Is the next close lower, about equal or higher?",
        label="simple return to the next close: below -0.1 %, within, above 0.1 %",
        implementation="ml.models.direction_xgboost:DirectionXgboost",
        libraries=("numpy", "scikit-learn", "xgboost"),
    ),
    Entry(
        "direction_lstm",
        question="Is the next close lower, about equal or higher, by a network over the last 20 sessions?",
        label="simple return to the next close: below -0.1 %, within, above 0.1 %",
        implementation="ml.models.direction_lstm:DirectionLstm",
        libraries=("keras", "numpy", "scikit-learn", "tensorflow"),
    ),
    Entry(
        "touch_xgboost",
        question="How probable is it that an option's strike is touched before it expires?",
        label="strike touched by expiry, 1 or 0",
        implementation="ml.models.touch_xgboost:TouchXgboost",
        libraries=("numpy", "scikit-learn", "scipy", "xgboost"),
    ),
    Entry(
        "strategy_ensemble",
        question="Which strategies end their next window with a profit, by trees, a forest and a regression together?",
        label="net profit of the next window of a backtest, 1 or 0",
        implementation="ml.models.strategy_ensemble:StrategyEnsemble",
        libraries=("numpy", "scikit-learn", "scipy", "xgboost"),
        **_STRATEGY,
    ),
    Entry(
        "strategy_classifier",
        question="Which strategies end their next window with a profit, by a network?",
        label="net profit of the next window of a backtest, 1 or 0",
        implementation="ml.models.strategy_classifier:StrategyClassifier",
        libraries=("keras", "numpy", "scikit-learn", "scipy", "tensorflow"),
        **_STRATEGY,
    ),
    Entry(
        "strategy_agent",
        question="How much to stake on a strategy's next window: nothing, half or all?",
        label="net profit of the next window of a backtest, 1 or 0",
        implementation="ml.models.strategy_agent:StrategyAgent",
        libraries=("gymnasium", "keras", "numpy", "scikit-learn", "scipy", "tensorflow"),
        **_STRATEGY,
    ),
    Entry(
        "edge_xgboost",
        question="How probable is it that the next trade of a strategy wins, and what does it earn after costs?",
        label="trade earns more than nothing after costs, 1 or 0; its net return in percent",
        implementation="ml.models.edge_xgboost:EdgeXgboost",
        libraries=("numpy", "scikit-learn", "scipy", "xgboost"),
        **_TRADE,
    ),
    Entry(
        "friction_xgboost",
        question="What will a trade really cost?",
        label="fees, spread and slippage of a trade, basis points of its notional",
        implementation="ml.models.friction_xgboost:FrictionXgboost",
        libraries=("numpy", "xgboost"),
        **_TRADE,
    ),
    Entry(
        "risk_quantile",
        question="How far does a trade go against its holder, but for one in twenty?",
        label="adverse excursion of a trade, percent of its entry price",
        implementation="ml.models.risk_quantile:RiskQuantile",
        libraries=("numpy", "xgboost"),
        **_TRADE,
    ),
)

CATALOG: dict[str, Entry] = {entry.model_id: entry for entry in _ENTRIES}


def find_entry(model_id: str) -> Entry:
    """Return the entry of ``model_id``.

    Raises
    ------
    ConfigurationError
        If there is none; a question alone (``direction``) is no id.
    """
    try:
        return CATALOG[model_id]
    except KeyError:
        alike = [name for name in CATALOG if name.startswith(f"{model_id}_")]
        raise ConfigurationError(f"model {model_id!r} is unknown; use one of {', '.join(alike or CATALOG)}") from None


def make_model(model_id: str, params: Mapping[str, Any] | None = None) -> Model:
    """Return the model of an id, unfitted; imports the libraries it needs.

    Parameters
    ----------
    params
        Of a card; those among them that are settings of the model are taken.
    """
    entry = find_entry(model_id)
    module, name = entry.implementation.split(":")
    settings = {key: value for key, value in (params or {}).items() if key in entry.settings}
    model: Model = getattr(import_module(module), name)(**settings)
    return model
