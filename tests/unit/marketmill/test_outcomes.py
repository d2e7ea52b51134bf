from __future__ import annotations

import pytest

from include.landing import Adjustment
from include.schemas import LANDING
from marketmill.outcomes import Data


def test_an_empty_answer_is_no_data():
    with pytest.raises(ValueError, match="without a row"):
        Data(LANDING.empty_table(), Adjustment.RAW)
