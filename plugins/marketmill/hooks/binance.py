"""Source ``binance``: spot pairs such as BTC/USDT."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from include.errors import ConfigurationError, MarketmillError
from include.landing import Adjustment, Interval
from include.months import month_end, months_between
from include.sources import SourceName
from include.timeframes import timeframe_length
from include.universes import Instrument
from marketmill.hooks.base import BarsHook, RemoteHook
from marketmill.hooks.binance_connection import BinanceAccess, read_access
from marketmill.outcomes import ConfirmedEmpty, Data, Outcome, Permanent, Transient, Unreachable
from marketmill.quota.ledger import open_ledger
from marketmill.quota.spending import Quota

if TYPE_CHECKING:
    from marketmill.hooks.binance_bulk import BinanceFiles
    from marketmill.hooks.binance_history import BinanceHistories
    from marketmill.hooks.binance_rest import BinanceRest

_PAIR = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")
#: Daily bars of one REST answer.
_DAYS = 1000


class BinanceHook(BarsHook, RemoteHook):
    """Bars of spot pairs, by bulk files and REST.

    Parameters
    ----------
    binance_conn_id
        Airflow connection; where there is none, Binance's public addresses are asked.
    quota
        Whose requests these are; by default those of the ledger of the settings.
    timeout
        How long to wait for an answer.
    """

    source = SourceName.BINANCE
    conn_name_attr = "binance_conn_id"
    default_conn_name = "binance_default"
    conn_type = "binance"
    hook_name = "Binance"

    def __init__(
        self, binance_conn_id: str = default_conn_name, *, quota: Quota | None = None, timeout: timedelta = timedelta(seconds=20)
    ) -> None:
        super().__init__()
        self.binance_conn_id = binance_conn_id
        self._given_quota = quota
        self._timeout = timeout

    def chunks(self, timeframe: str, start: datetime, end: datetime) -> Sequence[Interval]:
        """Months, as the bulk files have them; daily bars by what one REST answer holds."""
        if timeframe == "1d":
            length = _DAYS * timeframe_length(timeframe)
            borders = [start + number * length for number in range(-(-(end - start) // length))]
        else:
            borders = [start, *(month_end(month) for month in months_between(start, end)[:-1])]
        return list(pairwise([*borders, end]))

    def fetch(self, instrument: Instrument, timeframe: str, start: datetime, end: datetime) -> Outcome:
        """Ask for the bars of one pair, earlier names included."""
        from marketmill.hooks.binance_history import Pair
        from marketmill.hooks.binance_rest import BinanceFailure

        names = (instrument.symbol, *instrument.aliases)
        for name in names:
            if not _PAIR.fullmatch(name):
                return Permanent(f"{name} is no pair such as BTC/USDT; Binance has nothing else")
        try:
            history = self._histories.read([Pair(name) for name in names], timeframe, start, end)
        except BinanceFailure as failure:
            return failure.outcome
        if history.bars.num_rows:
            self.log.info("%s: %d %s bars from %s to %s", names[0], history.bars.num_rows, timeframe, start.date(), end.date())
            return Data(
                history.bars,
                Adjustment.NONE,
                covers_until=history.until if history.until < end else None,
                history_from=history.first,
                history_until=history.end,
            )
        if history.until < end:
            return Transient(f"{names[0]}: bars from {history.until:%Y-%m-%d %H:%M} UTC on are not finished yet")
        return ConfirmedEmpty("; ".join(history.reasons))

    def test_connection(self) -> tuple[bool, str]:
        """Ask both addresses whether they answer; for the button of Airflow's form."""
        from marketmill.hooks.binance_rest import BinanceFailure

        try:
            rest, files = self._parts
            rest.ping()
            files.check()
        except (MarketmillError, BinanceFailure) as error:
            return False, str(error)
        files_said = f"the bulk files at {self._access.bulk} too" if self._access.bulk else "bulk files are not used"
        return True, f"{self._access.rest} answers, {files_said}"

    def reach(self) -> Unreachable | None:
        """Ask the REST API, which stands in for the files, whether it is there."""
        from marketmill.hooks.binance_rest import BinanceFailure

        try:
            self._parts[0].ping()
        except BinanceFailure as failure:
            return failure.outcome if isinstance(failure.outcome, Unreachable) else None
        return None

    @cached_property
    def _access(self) -> BinanceAccess:
        try:
            connection = self.get_connection(self.binance_conn_id)
        except AirflowNotFoundException:
            if self.binance_conn_id != self.default_conn_name:
                raise ConfigurationError(f"there is no Airflow connection {self.binance_conn_id}; make it, or name another") from None
            return BinanceAccess()
        return read_access(connection)

    @cached_property
    def _histories(self) -> BinanceHistories:
        from marketmill.hooks.binance_history import BinanceHistories

        return BinanceHistories(*self._parts)

    @cached_property
    def _parts(self) -> tuple[BinanceRest, BinanceFiles]:
        from marketmill.hooks.binance_bulk import BinanceFiles
        from marketmill.hooks.binance_rest import BinanceRest

        quota = self._given_quota or Quota(open_ledger(), self.source.value)
        return BinanceRest(self._access, quota, self._timeout), BinanceFiles(self._access.bulk, self._timeout)
