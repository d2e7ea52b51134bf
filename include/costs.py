"""What trading costs: ``config/costs.yaml``, by universe. The formulas that use it are in :mod:`ml.simulation.accounting`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.errors import ConfigurationError
from include.yaml_files import explain, load_yaml

FILE = Path(__file__).parent / "config" / "costs.yaml"

#: Half of the notional, for one side, is no cost that anybody trades at.
BEYOND = 0.5
_Rate = Annotated[float, Field(ge=0, lt=BEYOND, allow_inf_nan=False)]


class Costs(BaseModel):
    """Costs of one side of a trade, as fractions of its notional (0.001 is 10 basis points)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fee: _Rate = Field(description="commission and exchange fees")
    half_spread: _Rate = Field(description="half of the distance between bid and ask, paid by market orders")
    slippage: _Rate = Field(description="what a market order pays beyond the half spread, at any time")
    volatility_share: _Rate = Field(description="and in volatile times: this share of the average true range over the price")


class CostsFile(BaseModel):
    """The file: costs of any universe, and of those that differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Costs
    universes: dict[str, Costs] = {}


def costs_of(universe: str, changes: Mapping[str, Any] | None = None, file: Path = FILE) -> Costs:
    """Costs of a universe; ``changes`` replace some of them.

    Raises
    ------
    ConfigurationError
        If the file or a change is wrong; the message names the key and what is allowed.
    """
    known = load_yaml(file, CostsFile)
    costs = known.universes.get(universe, known.default)
    try:
        return Costs.model_validate(costs.model_dump() | dict(changes or {}))
    except ValidationError as error:
        raise ConfigurationError(f"costs: {explain(error, Costs)}") from error
