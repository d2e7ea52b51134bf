import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from include.errors import ConfigurationError, LakeError
from include.lake import Lake
from ml import registry
from ml.promotion import promote
from ml.report import publish
from ml.report.models import read_models
from ml.trained_versions import note_shortage, note_version
from ml.training import Trained
from tests.model_lake import FEATURE_SET, challenger, real_bars, registry_at, write_lake

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Balanced(HTMLParser):
    """Fails on a tag that is closed wrongly; keeps ids, links and whatever would load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if held.get("id"):
            self.ids.append(str(held["id"]))
        if tag == "a":
            self.links.append(str(held["href"]))
        if tag in ("script", "link", "img", "iframe", "object") or held.get("src"):
            self.loads.append(f"{tag} {held}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()


def make(lake: Lake, **changes: Any) -> str:
    path = publish(lake, **({"run": "r", "universe": "sample", "timeframe": "1d", "months": None} | changes))
    return lake.read(path).decode()


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def page(report_lake: Lake, trained: dict[str, Trained]) -> str:
    for model_id, model in trained.items():
        note_version(report_lake, "sample", "1d", model_id, model.version)
    return make(report_lake, months=["2016-07"])


def test_is_one_well_formed_page_that_loads_nothing(page: str) -> None:
    parser = parsed(page)
    assert parser.loads == []
    assert not re.search(r"https?://|@import|url\(", page)
    assert len(parser.ids) == len(set(parser.ids))
    assert {link[1:] for link in parser.links if link.startswith("#")} <= set(parser.ids)
    assert len(page.encode()) < 3_000_000
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_escapes_what_came_from_outside(page: str) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page


def test_tells_what_came_in_and_what_is_missing(page: str) -> None:
    assert "no bars: the source gave none" in page  # AAPL
    assert "outside this universe: XYZ" in page
    assert "This run changed 1 of 48 months: 2016-07" in page
    assert '<time>2015-03-02</time>; <time>2015-03-03</time> <span class="chip bad">refused</span>; <time>2015-03-04</time>.' in page
    assert "4 of 1\u202f007 bars: 3 never came, 1 came and was refused; 1 off session" in page
    assert "<b>4</b><span>promised bars missing" in page
    assert "^VIX: 1 of the 1 refused rows are dated on days when its exchange (XCBF) was closed" in page


def test_shows_each_model_with_its_verdict_and_the_figures_of_its_card(page: str, trained: dict[str, Trained]) -> None:
    for model_id, model in trained.items():
        article = page.split(f'<article id="{model_id}">')[1].split("</article>", maxsplit=1)[0]
        for promise in model.card["promises"]:
            assert re.search(rf'<span class="chip \w+">{promise["verdict"]}</span>', article)
        assert all(f'<th scope="row">{group["name"]}<' in article for group in model.card["groups"])
        plots = 1 if model_id in ("touch_xgboost", "regime3_xgboost") else 2  # of many rows of one session one picture tells it all
        assert article.count("<svg") >= plots * len(model.card["groups"])
        assert model.card["data_hash"] in article
    regime = page.split('<article id="regime5_xgboost">')[1]
    assert "extreme stress" in regime
    assert "log-loss of each group" in regime


def test_links_to_data_docs_only_where_they_are(report_lake: Lake, page: str, tmp_path: Path) -> None:
    assert "../data_docs/index.html" not in page
    assert "Data Docs were not written yet" in page
    with empty_registry(tmp_path):
        lake = write_lake(Lake(str(tmp_path / "lake")), [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
        lake.write("reports/data_docs/index.html", b"docs")
        assert "../data_docs/index.html" in make(lake)


def test_without_features_and_models_says_which_dag_makes_them(tmp_path: Path) -> None:
    lake = write_lake(Lake(str(tmp_path / "lake")), [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
    lake.delete("features/timeframe=1d/current.json")
    with empty_registry(tmp_path):
        text = make(lake, months=[])
    parsed(text)
    assert "no 1d features were built yet; run the DAG backfill_market" in text
    assert "the DAG train_models makes them" in text
    assert "This run changed no month" in text


def test_says_where_features_are_behind(tmp_path: Path) -> None:
    lake = write_lake(Lake(str(tmp_path / "lake")), [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
    lake.delete_folder(f"{lake.features('1d', FEATURE_SET.id)}/month=2014-02")
    with empty_registry(tmp_path):
        assert "Features are behind the bars: 21 rows for 40 bars" in make(lake)


def test_a_model_whose_artifact_was_changed_is_told_not_left_out(model_lake: Lake, trained: dict[str, Trained]) -> None:
    found = challenger("volatility_garch")
    assert found is not None
    path = found.folder / "walk_forward.parquet"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"x")
        views = read_models(model_lake, "sample", "1d", FEATURE_SET.id)
    finally:
        path.write_bytes(before)
    assert [view.model_id for view in views] == list(trained)
    problems = {view.model_id: view.problem for view in views if view.problem}
    assert list(problems) == ["volatility_garch"]
    assert "walk_forward.parquet is not what was stored" in problems["volatility_garch"]


def test_only_models_trained_on_these_bars_are_shown(model_lake: Lake, trained: dict[str, Trained], tmp_path: Path) -> None:
    """The registry may hold newer versions, trained on another lake."""
    assert trained
    assert read_models(model_lake, "core5", "1d", FEATURE_SET.id) == []
    other = Lake(str(tmp_path / "other"))
    assert read_models(other, "sample", "1d", FEATURE_SET.id) == []
    note_version(other, "sample", "1d", "volatility_garch", "99")
    [view] = read_models(other, "sample", "1d", FEATURE_SET.id)
    assert "volatility_garch has no version 99" in str(view.problem)


def test_a_model_with_too_little_data_stands_with_the_reason(tmp_path: Path) -> None:
    lake = write_lake(Lake(str(tmp_path / "lake")), [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
    note_shortage(lake, "sample", "1d", "volatility_garch", "Insufficient data for training volatility_garch: <9 rows>")
    with empty_registry(tmp_path):
        text = make(lake)
    parsed(text)
    article = text.split('<article id="volatility_garch">')[1].split("</article>", maxsplit=1)[0]
    assert '<span class="chip fair">too little data</span>' in article
    assert "Insufficient data for training volatility_garch: &lt;9 rows&gt;." in article
    assert "0<small> of 1</small></b><span>models with a card, 1 with too little data<" in text


def test_an_older_version_stands_with_the_reason_why_there_is_no_newer(trained: dict[str, Trained], tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    note_version(lake, "sample", "1d", "volatility_garch", trained["volatility_garch"].version)
    note_shortage(lake, "sample", "1d", "volatility_garch", "few rows")
    [view] = read_models(lake, "sample", "1d", FEATURE_SET.id)
    assert view.card
    assert view.notes[0] == "Trained since on less data, which gave no newer version: few rows."


def test_a_model_of_an_older_feature_set_is_marked(model_lake: Lake, trained: dict[str, Trained]) -> None:
    assert trained
    notes = notes_of(model_lake, "volatility_garch", "newer")
    assert any("current one is newer" in note for note in notes)
    assert notes_of(model_lake, "volatility_garch", FEATURE_SET.id) == [
        "AAPL took no part: there are no rows.",
        "^VIX took no part: it is a statistic and no price that anyone can hold.",
    ]


def test_a_promise_that_was_not_kept_does_not_read_as_a_fact(page: str, trained: dict[str, Trained]) -> None:
    summary = page.split('<section class="verdicts"')[1].split("</section>", maxsplit=1)[0]
    for model in trained.values():
        assert f"<b>Promised:</b> {escape(model.card['promises'][0]['text'])}. <b>Found:</b> " in summary


def test_the_headline_counts_forecasts_alone(page: str, model_lake: Lake, trained: dict[str, Trained]) -> None:
    """That a rule is found again on the day that it is computed from is no win."""
    assert trained
    [regime] = [view for view in read_models(model_lake, "sample", "1d", FEATURE_SET.id) if view.model_id == "regime5_xgboost"]
    assert [group.comparison.group.name for group in regime.others] == ["same day"]
    assert [group.comparison.group.name for group in regime.forecasts] == ["1 day", "5 days", "21 days"]
    assert f"in {regime.ahead} of 3 forecasts, by skill or by luck; 1 more comparison, of what was known already, is no forecast." in page
    assert '<th scope="row">same day<small>no forecast</small></th>' in page


def test_says_which_version_serves_and_loudly_where_the_champion_is_refused(
    report_lake: Lake, trained: dict[str, Trained], tmp_path: Path
) -> None:
    assert trained
    model_id = "volatility_garch"
    stored = challenger(model_id)
    assert stored is not None
    files = {path: stored.read(path) for path in stored.sha256 if path != registry.CARD}
    lake = write_lake(Lake(str(tmp_path / "lake")), [real_bars("^GSPC", "2014-01-01", "2014-03-01")])
    with empty_registry(tmp_path):
        made = [
            registry.register(
                stored.card | {"identity": number},
                {path.removeprefix("model/"): content for path, content in files.items() if path.startswith("model/")},
                {path: content for path, content in files.items() if not path.startswith("model/")},
            )
            for number in ("one", "two", "three")
        ]
        note_version(lake, "sample", "1d", model_id, "3")
        assert '<p class="note">No version serves: there is no champion, and so no predictions.</p>' in make(lake)
        promote(model_id, "1", expected=None, serves={}, reason="it is")
        promote(model_id, "2", expected="1", serves={}, reason="it is better")
        text = make(lake)
        assert "Version 2, the champion, serves: it says the predictions, not version 3, which is shown here." in text
        assert "Version 2 serves; shown is version 3." in text
        assert "champion refused" not in text
        damage(made[1])
        text = make(lake)
        assert text.count('<span class="chip bad">champion refused</span>') == 2, "in the summary and beside the model"
        refusal = "The champion is refused: model volatility_garch version 2: artifact walk_forward.parquet is not what was stored"
        assert refusal in text
        assert "Version 1, the champion before it, serves in its place." in text
        damage(made[0])
        text = make(lake)
        assert "no champion of volatility_garch can serve" in text
        assert "No version serves." in text
        parsed(text)


def damage(found: registry.Registered) -> None:
    path = found.folder / registry.WALK_FORWARD
    path.write_bytes(path.read_bytes() + b"x")


def notes_of(lake: Lake, model_id: str, feature_set: str) -> list[str]:
    return next(view.notes for view in read_models(lake, "sample", "1d", feature_set) if view.model_id == model_id)


@pytest.mark.parametrize("run", ["", "..", ".hidden", "a/b", "data_docs", "a b"])
def test_refuses_a_run_that_is_no_folder(report_lake: Lake, run: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a run"):
        make(report_lake, run=run)


@pytest.mark.parametrize("changes", [{"universe": "nowhere"}, {"timeframe": "2d"}, {"months": ["2016-7"]}])
def test_refuses_what_is_not_known(report_lake: Lake, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        make(report_lake, run="never", **changes)
    assert not report_lake.exists("reports/never")


def test_an_empty_lake_has_no_report(lake: Lake) -> None:
    with pytest.raises(LakeError, match="there is nothing to report; run backfill_market"):
        make(lake)
    assert not lake.exists("reports")


def test_a_run_id_of_airflow_is_a_folder(report_lake: Lake, trained: dict[str, Trained]) -> None:
    assert trained
    run = "manual__2026-11-21T04:00:00.123456+00:00"
    assert make(report_lake, run=run)
    assert report_lake.exists(f"reports/{run}/index.html")


@contextmanager
def empty_registry(folder: Path) -> Iterator[None]:
    place = folder / "registry"
    place.mkdir()
    with registry_at(place):
        yield
