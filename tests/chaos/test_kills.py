"""Kill the chain at random moments, run it again, and find the lake of a run that nobody disturbed.

``make chaos KILLS=100`` is the long form; ``make test`` kills a backfill and a training.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.chaos.conftest import STAGES
from tests.chaos.mill import Mill

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("CHAOS_KILLS", "2"))
SEED = int(os.environ.get("CHAOS_SEED", "7"))
DRAW = random.Random(SEED)
#: Each stage in turn, and how far into its time the kill comes.
MOMENTS = [(STAGES[number % len(STAGES)], DRAW.random()) for number in range(KILLS)]


@pytest.mark.parametrize(("stage", "share"), MOMENTS, ids=[f"{stage.name}-at-{share:.3f}" for stage, share in MOMENTS])
def test_killed_and_run_again_it_is_as_if_nothing_had_happened(undisturbed, mill_before, stage, share):
    mill: Mill = mill_before(stage.name)
    with mill.read_meanwhile() as torn:
        code, _ = mill.run(stage, kill_after=share * undisturbed.seconds[stage.name])
        half = mill.content()
        again, _ = mill.run(stage)
    assert torn == []
    assert again == 0, mill.log[-4000:]
    whole = undisturbed.after[stage.name].content()
    assert mill.content() == whole
    # What readers saw after the kill was the month before or the month after, never a third thing.
    before = undisturbed.before[stage.name].content()
    assert {name for name, digest in half.items() if digest not in (before.get(name), whole.get(name))} == set()
    assert code in (0, -9)
