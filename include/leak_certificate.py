"""The leak certificate: what was found when published features were computed again from the past only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from include.errors import LakeError
from include.lake import Lake
from include.timeframes import timeframe_length


@dataclass(frozen=True)
class LeakCertificate:
    """All features of a set, for some symbols of a month, came out the same from the bars that were known in its middle.

    ``checked_at`` and ``known_at`` are UTC, in ISO format; ``rows`` were compared; ``content`` is the hash of the published month.
    """

    feature_set: str
    features: int
    checked_at: str
    month: str
    known_at: str
    symbols: list[str]
    rows: int
    content: str


def write_certificate(lake: Lake, timeframe: str, certificate: LeakCertificate) -> None:
    """Keep it, in place of the one before."""
    lake.write(_path(timeframe), (json.dumps(asdict(certificate), indent=1) + "\n").encode())


def read_certificate(lake: Lake, timeframe: str) -> LeakCertificate | None:
    """The newest one; None where no features were checked yet.

    Raises
    ------
    LakeError
        If it is damaged.
    """
    path = _path(timeframe)
    try:
        return LeakCertificate(**json.loads(lake.read(path)))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise LakeError(f"{lake.url}/{path} is damaged ({error}); delete it, the next check writes it anew") from error


def _path(timeframe: str) -> str:
    timeframe_length(timeframe)
    return f"certificates/timeframe={timeframe}.json"
