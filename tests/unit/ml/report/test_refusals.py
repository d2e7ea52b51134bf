from include.lake import Lake
from include.universes import load_universe
from ml.report.refusals import read_refusals
from tests.model_lake import real_bars, write_lake


def test_counts_by_rule_and_symbol_of_the_universe(report_lake: Lake) -> None:
    refusals = read_refusals(report_lake, load_universe("sample"), "1d")
    assert {rule.rule: dict(rule.symbols) for rule in refusals.rules} == {"close_present": {"^VIX": 1}, "high_not_below_low": {"^IXIC": 1}}
    assert (refusals.rows, refusals.of("^VIX"), refusals.of("^GSPC")) == (2, 1, 0)


def test_a_lake_without_quarantine_refused_nothing(lake: Lake) -> None:
    write_lake(lake, [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
    refusals = read_refusals(lake, load_universe("sample"), "1d")
    assert (refusals.rules, refusals.rows) == ([], 0)
