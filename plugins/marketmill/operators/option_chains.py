"""Take snapshots of option chains."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from include.errors import ConfigurationError, SourceError
from include.sources import SourceName
from include.universes import Instrument, load_universe, pick_instruments
from marketmill.operators.asked import open_asked
from marketmill.operators.waiting import WaitingOperator
from marketmill.outcomes import MAY_PASS, list_reasons

if TYPE_CHECKING:
    from include.lake import Lake
    from marketmill.hooks.option_chains import OptionChainsHook

#: What a run took stays its own for so long, however often it is repeated.
_SNAPSHOT = timedelta(days=7)
#: Chains (one request each) that a run takes from IBKR where neither form nor settings say how many.
_IBKR_MOST = 50


class SnapshotOptionChainsOperator(WaitingOperator):
    """Land the chains that the form asks for. The same run again asks only for those that it does not have yet.

    Returns one :class:`marketmill.option_chains.Snapshot` (as dict) a symbol; fails with the list of the symbols that are not
    complete, after the others landed.
    """

    def work(self, context: Context) -> list[dict[str, Any]]:
        """Read the form, ask, land."""
        from include.settings import open_lake, settings
        from marketmill.asking import confirm_reachable
        from marketmill.option_chains import ChainWish, is_nobody_there, snapshot_chains

        params, now = context["params"], datetime.now(UTC)
        instruments = self._instruments(params.get("symbols"), settings().universe)
        run_after = context["dag_run"].run_after or now
        wish = ChainWish(_expiries(params.get("expiries")), max(run_after, now - _SNAPSHOT), now.date())
        lake, hook = open_lake(), self._hook(context)
        results = snapshot_chains(lake, hook, instruments, wish)
        if context["ti"].try_number == 1 and is_nobody_there(results):
            confirm_reachable(hook)
            results = snapshot_chains(lake, hook, instruments, wish)
        if until := next((result.until for result in results if result.until), None):
            self.wait_until(datetime.fromisoformat(until))
        failed = list_reasons({result.symbol: result.reason for result in results if result.state != "complete"})
        if any(result.state in MAY_PASS for result in results) and context["ti"].try_number <= context["ti"].max_tries:
            raise AirflowException(f"to be tried again: {failed}")
        landed, held = sum(result.landed for result in results), sum(result.held for result in results)
        self.log.info("%d chains landed, %d were held already, in the lake %s", landed, held, lake.url)
        if landed or held:  # held may be what landed in an earlier try
            self._check(lake, hook.source.value, instruments, wish.since)
        if failed:
            raise SourceError(f"option chains are missing: {failed}")
        return [asdict(result) for result in results]

    def _check(self, lake: Lake, source: str, instruments: list[Instrument], since: datetime) -> None:
        from expectations.chain_check import check_chains

        summary = check_chains(lake, source, [instrument.symbol for instrument in instruments], since)
        for flag, options in summary.flags.most_common():
            self.log.info("%d of %d options carry the warning %s", options, summary.options, flag)

    @staticmethod
    def _instruments(symbols: list[str] | None, universe: str) -> list[Instrument]:
        if not symbols:
            raise ConfigurationError("symbols is empty; name at least one, for example SPY")
        return pick_instruments(load_universe(universe), symbols)

    @staticmethod
    def _hook(context: Context) -> OptionChainsHook:
        from marketmill.hooks.option_chains import OptionChainsHook
        from marketmill.sources import hook_of, parse_source

        source = parse_source(context["params"].get("source"))
        # Before it is opened: what a source without chains needs for its bars is nobody's question here.
        if not issubclass(hook_of(source), OptionChainsHook):
            raise ConfigurationError(f"source {source} has no option chains; use {SourceName.YAHOO} or {SourceName.IBKR}")
        return cast("OptionChainsHook", open_asked(context, source, ibkr_most=_IBKR_MOST))


def _expiries(texts: list[str] | None) -> tuple[date, ...]:
    days = []
    for text in texts or []:
        try:
            days.append(date.fromisoformat(text))
        except (TypeError, ValueError):
            raise ConfigurationError(f"expiry {text!r} is not a date of the form YYYY-MM-DD") from None
    return tuple(days)
