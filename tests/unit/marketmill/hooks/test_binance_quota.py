"""Binance's request weight: counted in the ledger, shared with whoever else uses this address, never overrun."""

from __future__ import annotations

import requests

from marketmill.outcomes import RateLimited
from tests.unit.marketmill.hooks.binance_market import day, instrument, open_market, rows_of, walk

BTC = instrument("BTC/USDT")
FIVE = walk("2024-05-01", "2024-06-01", "5m")


def test_a_long_walk_waits_for_the_next_minute_by_itself(monkeypatch, tmp_path):
    # 12 of 14 are planned with: six pages a minute, and a month of five-minute bars is nine.
    with open_market(monkeypatch, tmp_path, {"BTC/USDT": {"5m": FIVE}}, "2024-07-02T12:00:40", weight_limit=14) as market:
        market.connect(use_bulk=False)
        outcome = market.hook().fetch(BTC, "5m", day("2024-05-01"), day("2024-06-01"))
        assert rows_of(outcome.rows) == FIVE
        assert [entry.moment.minute for entry in market.rest.requests("/klines")] == [0] * 6 + [1] * 3
        assert 20 <= market.clock.slept < 30


def test_a_long_wait_leaves_the_worker_to_others_and_what_landed_stays(monkeypatch, tmp_path, lake):
    bars = FIVE + walk("2024-06-01", "2024-07-01", "5m")
    with open_market(monkeypatch, tmp_path, {"BTC/USDT": {"5m": bars}}, "2024-07-02T12:00:20", weight_limit=24) as market:
        market.connect(use_bulk=False)
        fetched = market.fetch(lake, "BTC/USDT", "5m", "2024-05-01", "2024-07-01")
        assert (fetched.state, fetched.rows, fetched.asked) == ("rate_limited", len(FIVE), 2)
        assert fetched.until.startswith("2024-07-02T12:01:0")
        market.clock.sleep(60)
        assert market.fetch(lake, "BTC/USDT", "5m", "2024-05-01", "2024-07-01").asked == 1


def test_the_weight_that_others_use_is_seen_in_the_answer(monkeypatch, tmp_path):
    with open_market(monkeypatch, tmp_path, {"BTC/USDT": {"5m": FIVE}}, "2024-07-02T12:00:10", weight_limit=40) as market:
        market.connect(use_bulk=False)
        for _ in range(15):
            requests.get(f"{market.rest.url}/klines?symbol=BTCUSDT&interval=5m", timeout=5)
        outcome = market.hook().fetch(BTC, "5m", day("2024-05-01"), day("2024-06-01"))
        assert isinstance(outcome, RateLimited)
        assert len(market.rest.requests("/klines")) == 15 + 2, "30 of others and 2 pages make 34; a third would pass the planned 35"
        assert market.rest.limit.used() == 34


def test_files_cost_no_weight(monkeypatch, tmp_path):
    with open_market(monkeypatch, tmp_path, {"BTC/USDT": {"5m": FIVE}}, "2024-07-02T12:00:10", weight_limit=2) as market:
        assert rows_of(market.hook().fetch(BTC, "5m", day("2024-05-01"), day("2024-06-01")).rows) == FIVE
        assert market.asked() == (0, 2)
