"""The options that ``touch_xgboost`` learns from: drawn by a versioned sampler, and listed ones from accumulated chains.

What is drawn on a session depends on the symbol, the session and the prices known at its close, on nothing else: more data adds
options and leaves the earlier ones as they were.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.calendars import DECISION_DELAY, exchange_calendar
from include.lake import Lake
from include.option_chains import LandedChain, list_chains, read_chain
from include.universes import Instrument
from ml.methods.barrier import SESSIONS_A_YEAR
from ml.prices import splits_after


@dataclass(frozen=True)
class Sampler:
    """Where options are drawn from; figures are comparable within one ``version`` only: change a number and count up.

    ``sessions`` to expiry, ``distance`` of the strike as a fraction of the close, ``deviations`` that it is of the move that the
    implied volatility expects until then. 1.8 options a session are 4 000 of a symbol in ten years, less the warm-up.
    """

    version: int = 1
    options_a_session: float = 1.8
    warm_up_bars: int = 260
    sessions: tuple[int, int] = (3, 42)
    deviations: tuple[float, float] = (0.05, 2.6)
    distance: tuple[float, float] = (0.002, 0.6)


SAMPLER = Sampler()
OPTION = ["right", "expiry", "days", "strike", "distance", "implied_volatility", "origin"]
_MOST_LISTED = 40  # of a symbol and session: a chain of hundreds is one draw of the future, not hundreds
_PLAUSIBLE = (0.03, 3.0)
_STALE = pd.Timedelta(days=4)


def sample_options(instrument: Instrument, entries: pd.DataFrame) -> pd.DataFrame:
    """Draw options on the sessions of one symbol.

    Parameters
    ----------
    entries
        A row a session: ``timestamp``, ``close``, ``implied_volatility`` (yearly fraction), index 0..n-1.

    Returns
    -------
    pandas.DataFrame
        ``entry`` (place in ``entries``) and :data:`OPTION`. ``days`` are trading days until ``expiry`` (a timestamp as a bar has);
        ``strike`` is on the scale of ``close``, ``distance`` its distance from there, a positive fraction.
    """
    chances = _chances(instrument.symbol, pd.DatetimeIndex(entries["timestamp"]))
    slots = chances.shape[1]
    entry = np.repeat(np.arange(len(entries)), slots)
    taken, when, side, where = chances.reshape(-1, 4).T
    fewest, most = SAMPLER.sessions
    days = fewest + (when * (most - fewest + 1)).astype(int)
    implied = entries["implied_volatility"].to_numpy(np.float64)[entry]
    deviation = implied * np.sqrt(days / SESSIONS_A_YEAR)
    low, high = (np.array(SAMPLER.deviations)[:, None] * deviation).clip(*SAMPLER.distance)
    distance = low + where * (high - low)
    options = pd.DataFrame(
        {
            "entry": entry,
            "right": np.where(side < 0.5, "call", "put"),
            "expiry": _after(instrument, entries["timestamp"], entry, days),
            "days": days,
            "strike": entries["close"].to_numpy()[entry] * (1 + np.where(side < 0.5, distance, -distance)),
            "distance": distance,
            "implied_volatility": implied,
            "origin": "sampled",
        }
    )
    kept = (taken < SAMPLER.options_a_session - np.tile(np.arange(slots), len(entries))) & (high > low)
    drawn: pd.DataFrame = options[kept & options["expiry"].notna().to_numpy()].reset_index(drop=True)
    return drawn


def listed_options(lake: Lake, instrument: Instrument, entries: pd.DataFrame) -> pd.DataFrame:
    """Take options from the chains of one symbol that the lake holds, within the bounds of the sampler.

    An option enters at the first close after its chain was fetched, with the volatility that its price implied then. Those in the
    money, without a bid or with a volatility that no market pays are left out.

    Parameters
    ----------
    entries
        As for :func:`sample_options`, and ``closed_at``.

    Returns
    -------
    pandas.DataFrame
        As :func:`sample_options`.
    """
    empty = pd.DataFrame(columns=["entry", *OPTION])
    parts = [empty]
    for folder in lake.folders("option_chains"):
        for chain in list_chains(lake, folder.removeprefix("source="), instrument.symbol):
            place = _entry(entries, chain)
            if place is not None:
                parts.append(_listed(lake, instrument, chain, entries, place))
    found = pd.concat([part for part in parts if len(part)] or [empty], ignore_index=True)
    found = found.drop_duplicates(["entry", "right", "expiry", "strike"], keep="last")
    found = found.sort_values(["entry", "expiry", "right", "strike"], ignore_index=True)
    return found[_thinned(found["entry"])].reset_index(drop=True)


def _chances(symbol: str, sessions: pd.DatetimeIndex) -> np.ndarray:
    """Uniform numbers, shape (sessions, slots, 4): each year of a symbol has a stream, each day its place in it."""
    slots = int(np.ceil(SAMPLER.options_a_session))
    chances = np.empty((len(sessions), slots, 4))
    for year in np.unique(sessions.year):
        stream = np.random.default_rng([SAMPLER.version, zlib.crc32(symbol.encode()), int(year)]).random((366, slots, 4))
        inside = sessions.year == year
        chances[inside] = stream[sessions.dayofyear[inside] - 1]
    return chances


def _after(instrument: Instrument, timestamps: pd.Series, entry: np.ndarray, days: np.ndarray) -> pd.DatetimeIndex:
    """Session ``days`` after the entry's; null where the entry's date is no session."""
    sessions = exchange_calendar(instrument.calendar).sessions
    places = sessions.get_indexer(pd.DatetimeIndex(timestamps).tz_localize(None))[entry]
    found = pd.DatetimeIndex(sessions[np.minimum(places + days, len(sessions) - 1)], tz="UTC").as_unit("us")
    return pd.DatetimeIndex(found.where((places >= 0) & (places + days < len(sessions))))


def _entry(entries: pd.DataFrame, chain: LandedChain) -> int | None:
    """Place of the first entry whose decision falls after the chain was fetched."""
    decisions = pd.DatetimeIndex(entries["closed_at"] + DECISION_DELAY)
    place = int(decisions.searchsorted(pd.Timestamp(chain.fetched_at)))
    return place if place < len(entries) and decisions[place] - chain.fetched_at <= _STALE else None


def _listed(lake: Lake, instrument: Instrument, chain: LandedChain, entries: pd.DataFrame, place: int) -> pd.DataFrame:
    quotes = read_chain(lake, chain).to_pandas()
    sessions = exchange_calendar(instrument.calendar).sessions
    opened, expiry = pd.DatetimeIndex(entries["timestamp"])[place].tz_localize(None), pd.Timestamp(chain.expiry)
    days = int(sessions.searchsorted(expiry, side="right") - sessions.searchsorted(opened, side="right"))
    strike = quotes["strike"] / splits_after(lake, instrument.symbol, quotes["fetched_at"])
    distance = (strike / entries["close"].to_numpy()[place] - 1) * np.where(quotes["right"] == "call", 1, -1)
    deviations = distance / (quotes["implied_volatility"] * np.sqrt(max(days, 1) / SESSIONS_A_YEAR))
    good = (
        quotes["implied_volatility"].between(*_PLAUSIBLE)
        & (quotes["bid"] > 0)
        & distance.between(*SAMPLER.distance)
        & deviations.between(*SAMPLER.deviations)
        & (SAMPLER.sessions[0] <= days <= SAMPLER.sessions[1])
    )
    stamp = expiry.tz_localize("UTC").as_unit("us")
    options = quotes.assign(entry=place, expiry=stamp, days=days, strike=strike, distance=distance, origin="listed")
    found: pd.DataFrame = options.loc[good, ["entry", *OPTION]]
    return found


def _thinned(entry: pd.Series) -> pd.Series:
    """Which options to keep: at most so many of a session, evenly over its expiries and strikes."""
    sessions = entry.groupby(entry)
    place, count = sessions.cumcount(), sessions.transform("size")
    return place * _MOST_LISTED // count != (place - 1) * _MOST_LISTED // count
