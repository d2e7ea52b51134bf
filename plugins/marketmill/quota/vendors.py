"""What each vendor allows. The numbers are documented by the vendors, unless a comment says that they are our own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from marketmill.quota.rules import Interval, Minute, Open, Rule, Window


@dataclass(frozen=True)
class BackOff:
    """How long a vendor is left alone that said "too much" without saying until when: twice as long each time.

    Parameters
    ----------
    first, longest
        First and longest time. After ``longest`` without a complaint the next time is the first again.
    """

    first: timedelta
    longest: timedelta


@dataclass(frozen=True)
class Limits:
    """Rules of one vendor.

    Parameters
    ----------
    rules
        All of them hold at once.
    lease
        A granted request that is not settled in this time is given up: its process is dead. Longer than any hook waits for an answer.
    back_off
        What to do when the vendor complains.
    """

    rules: tuple[Rule, ...]
    lease: timedelta
    back_off: BackOff


LIMITS: dict[str, Limits] = {
    # For small bars; larger ones are throttled softly, by rules that nobody knows. All keep to these.
    "ibkr": Limits(
        rules=(
            Window("60 requests in 10 minutes", 60, 600),
            Window("an identical request within 15 seconds", 1, 15, per="key", by_weight=False),
            Window("5 requests for one contract within 2 seconds", 5, 2, per="contract"),
            Open("50 open requests", 50),
            Interval("snapshot_interval"),
        ),
        lease=timedelta(minutes=3),
        # Our own; a violation of the pacing is over after a minute.
        back_off=BackOff(timedelta(minutes=1), timedelta(minutes=30)),
    ),
    "binance": Limits(
        rules=(Minute("request weight of the minute", 6000, 0.88),),
        lease=timedelta(minutes=1),
        back_off=BackOff(timedelta(minutes=1), timedelta(hours=1)),
    ),
    # Yahoo publishes no limit; these numbers are our own.
    "yahoo": Limits(
        rules=(Interval("steady rate", 0.5),),
        lease=timedelta(minutes=2),
        back_off=BackOff(timedelta(minutes=1), timedelta(hours=2)),
    ),
}
