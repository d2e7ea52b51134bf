"""The catalogue of models: data only, so that DAGs and forms may import it without any library of a model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from include.errors import ConfigurationError

if TYPE_CHECKING:
    from ml.protocol import Model


@dataclass(frozen=True)
class Entry:
    """One model.

    ``implementation`` is ``module:class``, ``libraries`` are the distributions whose version can change its result.
    """

    model_id: str
    question: str
    label: str
    implementation: str
    libraries: tuple[str, ...]
    timeframes: tuple[str, ...] = ("1d",)


_ENTRIES = (
    Entry(
        "volatility_garch",
        question="How volatile are the 20 daily returns that end tomorrow, and the next 20?",
        label="standard deviation of 20 daily returns",
        implementation="ml.models.volatility_garch:VolatilityGarch",
        libraries=("arch", "numpy", "scipy"),
    ),
    Entry(
        "regime5_xgboost",
        question="Which of five market regimes rules today, tomorrow, in a week and in a month of sessions?",
        label="market regime, codes 0 to 4",
        implementation="ml.models.regime5_xgboost:Regime5Xgboost",
        libraries=("numpy", "xgboost"),
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


def make_model(model_id: str) -> Model:
    """Return the model of an id, unfitted; imports the libraries it needs."""
    module, name = find_entry(model_id).implementation.split(":")
    model: Model = getattr(import_module(module), name)()
    return model
