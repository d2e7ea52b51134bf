"""Promotion on a real registry, with models that are small and walk-forwards that are made up."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator

import pytest

from include.errors import ModelError
from ml import registry
from ml.gate import Outcome
from ml.promotion import demote, is_demoted, main, promote, propose, serving
from ml.registry import Registered
from tests.model_lake import registry_at
from tests.unit.ml.test_registry import card
from tests.walk_forwards import walk


@pytest.fixture(scope="module", autouse=True)
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with registry_at(tmp_path_factory.mktemp("registry")):
        yield


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model of this test's own; registries are slow to make."""
    return request.node.name


def challenge(name: str, spread: float, last: str = "2018-12-31") -> Registered:
    stream = io.BytesIO()
    walk(spread, seed=int(spread * 10)).to_parquet(stream, index=False)
    facts = {"main_metric": {"name": "rmse"}, "window": {"first": "2009-01-01", "last": last}, "promises": []}
    return registry.register(
        card(f"{spread} {last}") | facts, {"garch.json": b"{}"}, {"walk_forward.parquet": stream.getvalue()}, name=name
    )


def pass_gate(name: str) -> str:
    decision = propose(name)
    assert decision is not None
    assert decision.outcome is Outcome.PROMOTE, decision.reason
    promote(name, decision.version, expected=decision.champion, serves=decision.serves, reason=decision.reason)
    return decision.version


def stages(name: str) -> dict[str, str]:
    numbers = [str(number) for number in range(1, 10)]
    found = {}
    for number in numbers:
        try:
            found[number] = registry.get(name, number).tags["stage"]
        except ModelError:
            break
    return found


def test_without_versions_there_is_nothing_to_do(name):
    assert propose(name) is None
    assert serving(name) is None
    with pytest.raises(ModelError, match="test_without_versions_there_is_nothing_to_do has no champion to demote"):
        demote(name, by="ada")
    with pytest.raises(ModelError, match="has no version 3; it has none"):
        propose(name, "3")


def test_better_ones_take_over_and_worse_ones_do_not(name):
    challenge(name, 0.6)
    assert stages(name) == {"1": "Staging"}
    assert pass_gate(name) == "1"
    challenge(name, 0.9)
    worse = propose(name)
    assert (worse.version, worse.champion, worse.outcome) == ("2", "1", Outcome.REFUSE)
    assert worse.reason.startswith("worse than version 1 in tomorrow (squared error saved a day -")
    challenge(name, 0.4)
    assert stages(name) == {"1": "Production", "2": "Archived", "3": "Staging"}
    assert pass_gate(name) == "3"
    assert stages(name) == {"1": "Archived", "2": "Archived", "3": "Production"}
    now = serving(name)
    assert (now.version.version, now.version.aliases, now.serves, now.refused) == ("3", ("champion",), {"tomorrow": "model"}, ())
    assert propose(name) is None


def test_no_edge_serves_the_baseline(name):
    challenge(name, 1.2)
    pass_gate(name)
    assert serving(name).serves == {"tomorrow": "naive"}


def test_demotion_brings_the_former_one_back_and_in_the_end_none(name):
    for spread in (0.6, 0.4, 0.2):
        challenge(name, spread)
        pass_gate(name)
    assert demote(name, by="ada") == ("3", "2")
    assert (serving(name).version.version, stages(name)) == ("2", {"1": "Archived", "2": "Production", "3": "Archived"})
    assert demote(name, by="ada") == ("2", "1")
    assert demote(name, by="ada") == ("1", None)
    assert (serving(name), stages(name)) == (None, {"1": "Archived", "2": "Archived", "3": "Archived"})


def test_a_demotion_is_remembered_until_the_next_promotion(name):
    challenge(name, 0.6)
    assert propose(name).reason.startswith("the first champion; ")
    pass_gate(name)
    assert not is_demoted(name)
    demote(name, by="ada")
    assert is_demoted(name)
    told = registry.tags(name, "1")
    assert (told["demoted_by"], told["demoted_at"] > told["promoted_at"]) == ("ada", True)
    challenge(name, 0.5)
    assert propose(name).reason.startswith("no champion serves; ")
    pass_gate(name)
    assert not is_demoted(name)


def test_a_tampered_champion_is_refused_and_the_one_before_it_serves(name, caplog):
    first = challenge(name, 0.6)
    pass_gate(name)
    second = challenge(name, 0.4)
    pass_gate(name)
    (second.folder / "model" / "garch.json").write_bytes(b'{"evil": 1}')
    now = serving(name)
    assert now.version.version == "1"
    [refused] = now.refused
    assert "version 2: artifact model/garch.json is not what was stored and is refused" in refused
    assert refused in caplog.text
    # A challenger is compared with the one that serves, and takes the alias from the one that is refused.
    challenge(name, 0.5)
    decision = propose(name)
    assert decision.champion == "2"
    assert decision.reason.startswith("better than version 1 in tomorrow (squared error saved a day +")
    pass_gate(name)
    assert demote(name, by="ada") == ("3", "1")
    (first.folder / "model" / "garch.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match=rf"no champion of {name} can serve: .*version 1"):
        serving(name)
    challenge(name, 0.7)
    assert propose(name).reason == "no champion serves; by rmse it beats 'naive' in tomorrow"


def test_a_tampered_challenger_is_not_promoted(name):
    found = challenge(name, 0.6)
    decision = propose(name)
    (found.folder / "model" / "garch.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match="is refused"):
        promote(name, decision.version, expected=None, serves=decision.serves, reason="")
    assert registry.holder(name, "champion") is None


def test_a_decision_that_is_out_of_date_changes_nothing(name):
    challenge(name, 0.6)
    decision = propose(name)
    pass_gate(name)
    challenge(name, 0.5)
    with pytest.raises(ModelError, match=f"champion of {name} is by now version 1, not none; nothing was changed"):
        promote(name, "2", expected=decision.champion, serves={}, reason="")
    assert registry.holder(name, "champion") == "1"
    assert "replaced" not in registry.tags(name, "2")


def test_of_promotions_at_once_one_wins(name):
    for spread in (0.6, 0.5, 0.4):
        challenge(name, spread)
    promote(name, "1", expected=None, serves={}, reason="")
    code = f"import sys; from ml.promotion import promote; promote({name!r}, sys.argv[1], expected='1', serves={{}}, reason='')"
    started = [subprocess.Popen([sys.executable, "-c", code, version], stderr=subprocess.PIPE, text=True) for version in ("2", "3")]
    said = [process.communicate(timeout=120)[1] for process in started]
    codes = [process.returncode for process in started]
    assert sorted(codes) == [0, 1], said
    winner = str(2 + codes.index(0))
    assert registry.holder(name, "champion") == winner
    assert list(stages(name).values()).count("Production") == 1
    assert sum(f"is by now version {winner}, not 1" in text for text in said) == 1


def test_the_commands(caplog, capsys):
    name = "volatility_garch"
    caplog.set_level("INFO")
    challenge(name, 0.6)
    assert main(["promote", name]) == 0
    assert registry.holder(name, "champion") == "1"
    assert main(["promote", name]) == 0
    assert "there is no challenger" in caplog.text
    challenge(name, 0.9)
    assert main(["promote", name]) == 1
    assert main(["demote", name]) == 0
    assert registry.holder(name, "champion") is None
    assert main(["demote", name]) == 1
    assert capsys.readouterr().err.endswith("model volatility_garch has no champion to demote\n")
    assert main(["demote", "volatility"]) == 1
    assert "model 'volatility' is unknown; use one of volatility_garch" in capsys.readouterr().err
