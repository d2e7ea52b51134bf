"""What can be wrong with the results database."""

from __future__ import annotations

from include.errors import MarketmillError


class ResultsError(MarketmillError):
    """The results database cannot be reached, or its tables are not those of this version."""
