"""The model board and the catalogue's importance, from a registry of two versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.lake import Lake
from include.leak_certificate import LeakCertificate, write_certificate
from ml import registry
from ml.promotion import demote, keep_out, promote
from ml.report.board import read_board
from ml.report.catalogue import read_catalogue
from ml.training import train
from tests.model_lake import FEATURE_SET, real_bars, registry_at, write_lake

MODEL = "regime5_xgboost"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("board")
    with registry_at(folder):
        lake = write_lake(Lake(str(folder / "lake")), [real_bars(symbol, "2014-01-01", "2018-01-01") for symbol in ("^GSPC", "^VIX")])
        train(lake, MODEL, universe="sample", seed=1)
        train(lake, MODEL, universe="sample", seed=2)
        registry.swap_champion(MODEL, "1", expected=None, tags={"promoted_because": "the first champion", "approved_by": "somebody"})
        yield lake


def test_a_board_of_champion_challenger_and_history(lake):
    board = {model.entry.model_id: model for model in read_board()}
    champion, challenger = board[MODEL].held
    assert (champion.alias, champion.version, champion.reason, champion.approved_by) == ("champion", "1", "the first champion", "somebody")
    assert (challenger.alias, challenger.version, challenger.problem) == ("challenger", "2", None)
    assert champion.card.seed == 1
    assert [(line.version, line.alias, line.stage) for line in board[MODEL].lines] == [
        ("2", "challenger", "Staging"),
        ("1", "champion", "Production"),
    ]
    assert {line.verdict for line in board[MODEL].lines} <= {"met", "not met", "trivially met"}
    assert board["touch_xgboost"].held == []
    assert board["touch_xgboost"].champion is None


def test_why_a_challenger_was_kept_out_stands_beside_it(lake):
    keep_out(MODEL, "2", "worse than version 1 in tomorrow")
    keep_out(MODEL, "1", "it is the champion already")
    reasons = {line.version: line.reason for model in read_board() if model.entry.model_id == MODEL for line in model.lines}
    assert re.fullmatch(r"kept out on \d{4}-\d\d-\d\d: worse than version 1 in tomorrow", reasons["2"])
    assert reasons["1"] == "the first champion"


def test_a_tampered_champion_is_told(lake):
    path = Path(registry.get(MODEL, "1").folder, "card.json")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"met", b"MET", 1))
    champion = next(model.champion for model in read_board() if model.entry.model_id == MODEL)
    assert "is not what was stored and is refused" in champion.problem
    assert "is not what was stored" in read_catalogue(lake, "1d").problems[0]
    path.write_bytes(content)


def test_a_catalogue_of_nulls_and_importance(lake):
    catalogue = read_catalogue(lake, "1d")
    assert [feature.facts.name for feature in catalogue.features] == FEATURE_SET.names
    by_name = {feature.facts.name: feature for feature in catalogue.features}
    assert by_name["breadth_above_sma_50"].null_share == 1
    assert by_name["return_20"].null_share == 0
    assert by_name["volume_ratio_20"].null_share == pytest.approx(0.5, abs=0.01), "^VIX trades no volume"
    card = registry.get(MODEL, "1").card
    assert by_name["return_20"].importance[MODEL] == max(shares.get("return_20", 0) for shares in card["importance"].values())
    assert (catalogue.months[0], catalogue.months[-1]) == ("2017-01", "2017-12")


def test_a_certificate_counts_for_its_own_set_only(lake):
    assert not read_catalogue(lake, "1d").certified
    for feature_set, certified in ((FEATURE_SET.id, True), ("another", False)):
        write_certificate(lake, "1d", LeakCertificate(feature_set, 16, "2026-11-26", "2017-06", "2017-06-15", ["^GSPC"], 11, "hash"))
        assert read_catalogue(lake, "1d").certified is certified


def test_a_demotion_stands_in_the_history_of_a_model_that_nobody_serves(lake):
    demote(MODEL, by="ada")
    promote(MODEL, "2", expected=None, serves={}, reason="better", approved_by="bob")
    demote(MODEL, by="ada")
    promote(MODEL, "2", expected=None, serves={}, reason="again", approved_by="bob")
    again = next(model for model in read_board() if model.entry.model_id == MODEL)
    assert re.fullmatch(r"demoted on 20[\d-]{8} by ada; on 20[\d-]{8} by bob: again", again.lines[0].reason)
    demote(MODEL, by="ada")
    model = next(model for model in read_board() if model.entry.model_id == MODEL)
    assert model.champion is None
    assert model.lines[1].reason.startswith("the first champion; demoted on 20")
    assert model.lines[1].reason.endswith(" by ada")
