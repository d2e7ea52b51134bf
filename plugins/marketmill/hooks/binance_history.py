"""Bars of a pair over any length of time: files first, REST for what they do not hold, and a second fact for every hole."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa

from include.landing import Interval
from include.schemas import LANDING
from include.timeframes import timeframe_length
from marketmill.hooks.binance_bulk import BinanceFiles
from marketmill.hooks.binance_rest import PAGE, BinanceFailure, BinanceRest, UnknownPairError
from marketmill.hooks.binance_rows import bars_inside, join_bars, last_opening, missing_spans, opening_of
from marketmill.outcomes import Permanent, Transient

_DELISTED = "BREAK"
#: More holes than this in files, and REST is asked for all of the time between the first and the last.
_MOST_SPANS = 8
#: So often may Binance say that there are no bars and then show one.
_CONTRADICTIONS = 2
_MOST_NAMED = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A pair by Marketmill's name and by Binance's."""

    symbol: str

    @property
    def wire(self) -> str:
        """``BTCUSDT`` for ``BTC/USDT``."""
        return self.symbol.replace("/", "")


@dataclass
class History:
    """What was found.

    ``bars`` has the schema :data:`include.schemas.LANDING`; it is all there is before ``until``. ``reasons`` say why there is nothing
    where there is nothing. ``first`` and ``end``, where they are known: no bar opens before the one, or from the other on.
    """

    bars: pa.Table
    until: datetime
    reasons: list[str] = field(default_factory=list)
    first: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class _Life:
    """What is known for sure: no bars of a pair before ``first``, none from ``end`` on."""

    first: datetime | None = None
    end: datetime | None = None


class BinanceHistories:
    """Histories of pairs; remembers when they came and went, so that no time without bars is asked for twice."""

    def __init__(self, rest: BinanceRest, files: BinanceFiles) -> None:
        self._rest = rest
        self._files = files
        self._lives: dict[tuple[str, str], _Life] = {}

    def read(self, pairs: Sequence[Pair], timeframe: str, start: datetime, end: datetime) -> History:
        """Bars that open in the half-open UTC interval.

        Parameters
        ----------
        pairs
            The pair, then its earlier names: each gives the bars before the first bar of the one before it.
        timeframe
            One of :data:`include.timeframes.TIMEFRAMES`.
        start, end
            The interval.

        Raises
        ------
        BinanceFailure
            If something can neither be had nor be proved not to be.
        """
        pair, *earlier = pairs
        try:
            history = self._own(pair, timeframe, start, end)
        except UnknownPairError as error:
            raise self._unknown(pair) from error
        first = self._life(pair, timeframe).first
        if not earlier or first is None or first <= start:
            return history
        before = self.read(earlier, timeframe, start, min(first, end))
        until = history.until if first < end else before.until
        reasons = [*before.reasons, *history.reasons]
        return History(join_bars([before.bars, history.bars]), until, reasons, before.first, history.end)

    def _own(self, pair: Pair, timeframe: str, start: datetime, end: datetime) -> History:
        """Bars under the pair's own name; afterwards ``first`` of its life is known where there are none at the start."""
        step = timeframe_length(timeframe)
        low, high = self._alive(pair, timeframe, start, end)
        history = History(LANDING.empty_table(), end)
        if low < high:
            history.bars = bars_inside(self._files.bars(pair.wire, timeframe, start, end), low, high)
            for span in _few(missing_spans(history.bars, low, high, step)):
                found, until = self._walk(pair, timeframe, *span)
                history.bars = join_bars([history.bars, found])
                if until < span[1]:
                    history.until = until
                    break
            if low == start and missing_spans(history.bars, start, min(start + step, history.until), step):
                self._find_first(pair, timeframe)
        history.bars = bars_inside(history.bars, start, history.until)
        self._explain(pair, timeframe, history, start)
        life = self._life(pair, timeframe)
        history.first, history.end = life.first, life.end
        return history

    def _alive(self, pair: Pair, timeframe: str, start: datetime, end: datetime) -> Interval:
        life = self._life(pair, timeframe)
        return max(start, life.first or start), min(end, life.end or end)

    def _walk(self, pair: Pair, timeframe: str, start: datetime, end: datetime) -> tuple[pa.Table, datetime]:
        """Bars by REST, page by page, and the moment up to which they are all: ``end``, or the opening of the bar under way."""
        step, wanted = timeframe_length(timeframe), end
        pages, cursor, contradictions = [LANDING.empty_table()], start, 0
        while cursor < end:
            page = self._rest.bars(pair.wire, timeframe, cursor, end)
            # Known only now: the time there came with the answer.
            end = min(end, max(cursor, opening_of(self._rest.now, step)))
            is_full = page.num_rows == PAGE
            page = bars_inside(page, cursor, end)
            if page.num_rows:
                pages.append(page)
                cursor = last_opening(page) + step
            if is_full or cursor >= end:
                continue
            following = self._rest.first_opening(pair.wire, timeframe, cursor)
            if following is None:
                self._confirm_end(pair, timeframe, cursor)
                return join_bars(pages), wanted
            if following >= end:
                break
            contradictions += 1
            if contradictions > _CONTRADICTIONS:
                raise BinanceFailure(
                    Transient(f"{pair.symbol}: Binance says that there are no bars after {cursor:%Y-%m-%d %H:%M}, and then shows one")
                )
        return join_bars(pages), end

    def _confirm_end(self, pair: Pair, timeframe: str, cursor: datetime) -> None:
        """Take "no bars from ``cursor`` on" for true only of a pair that left Binance, and only after its last bar."""
        status = self._rest.status(pair.wire)
        newest = self._rest.newest_opening(pair.wire, timeframe)
        if status == _DELISTED and newest is not None and newest < cursor:
            self._remember(pair, timeframe, end=newest + timeframe_length(timeframe))
            return
        if newest is not None and newest >= cursor:
            said = f"has one of {newest:%Y-%m-%d %H:%M}"
        else:
            said = "does not list it" if status is None else f"gives it the status {status}"
        raise BinanceFailure(
            Transient(f"{pair.symbol}: Binance shows no bars from {cursor:%Y-%m-%d %H:%M} UTC on, but {said}: ask again later")
        )

    def _find_first(self, pair: Pair, timeframe: str) -> None:
        first = self._rest.first_opening(pair.wire, timeframe, _EPOCH)
        if first is None:
            raise BinanceFailure(Transient(f"{pair.symbol}: Binance knows the pair, but shows no bar of it: ask again later"))
        self._remember(pair, timeframe, first=first)

    def _unknown(self, pair: Pair) -> BinanceFailure:
        """What to make of the answer that there is no such pair; one such answer is not believed."""
        if self._rest.status(pair.wire) is None:
            return BinanceFailure(Permanent(f"{pair.symbol}: Binance has no such pair; correct the symbol or the aliases in the universe"))
        return BinanceFailure(Transient(f"{pair.symbol}: Binance lists the pair, but answered once that it is unknown; ask again later"))

    def _explain(self, pair: Pair, timeframe: str, history: History, start: datetime) -> None:
        """Say why bars are not there, and name each hole between bars."""
        life = self._life(pair, timeframe)
        if life.first and life.first >= history.until:
            history.reasons.append(f"{pair.symbol} has no bars on Binance before {life.first:%Y-%m-%d %H:%M} UTC")
        elif life.end and life.end <= start:
            history.reasons.append(f"{pair.symbol} left Binance, its last bar ended {life.end:%Y-%m-%d %H:%M} UTC")
        elif holes := missing_spans(history.bars, *self._alive(pair, timeframe, start, history.until), timeframe_length(timeframe)):
            named = [f"{low:%Y-%m-%d %H:%M} to {high:%Y-%m-%d %H:%M}" for low, high in holes]
            more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
            history.reasons.append(
                f"{pair.symbol} has later {timeframe} bars on Binance, but none from {', '.join(named[:_MOST_NAMED])}{more} UTC"
            )
            _LOG.warning("%s", history.reasons[-1])

    def _life(self, pair: Pair, timeframe: str) -> _Life:
        return self._lives.get((pair.wire, timeframe), _Life())

    def _remember(self, pair: Pair, timeframe: str, *, first: datetime | None = None, end: datetime | None = None) -> None:
        known = self._life(pair, timeframe)
        self._lives[pair.wire, timeframe] = _Life(first or known.first, end or known.end)


def _few(spans: list[Interval]) -> list[Interval]:
    return spans if len(spans) <= _MOST_SPANS else [(spans[0][0], spans[-1][1])]
