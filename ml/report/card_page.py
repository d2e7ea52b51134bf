"""The card of one version as a page of its own, beside its files in the registry."""

from __future__ import annotations

import pandas as pd

from ml.registry import Registered
from ml.report.models import view_version
from ml.report.page import render

CARD_PAGE = "card.html"


def card_page(found: Registered, predictions: pd.DataFrame) -> bytes:
    """Render it; ``predictions`` are its walk-forward."""
    return render({"models": [view_version(found, predictions)], "card": found.card}, "card.html").encode()
