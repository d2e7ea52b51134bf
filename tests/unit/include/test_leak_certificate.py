"""The certificate is kept as it is written."""

from __future__ import annotations

import pytest

from include.errors import LakeError
from include.leak_certificate import LeakCertificate, read_certificate, write_certificate

CERTIFICATE = LeakCertificate("set", 104, "2026-11-26T18:00:00+00:00", "2014-06", "2014-06-16T20:00:00+00:00", ["AAPL"], 11, "hash")


def test_it_comes_back(lake):
    assert read_certificate(lake, "1d") is None
    write_certificate(lake, "1d", CERTIFICATE)
    assert read_certificate(lake, "1d") == CERTIFICATE
    assert read_certificate(lake, "1h") is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"feature_set": "set"}'])
def test_a_damaged_one(lake, content):
    lake.write("certificates/timeframe=1d.json", content)
    with pytest.raises(LakeError, match="is damaged"):
        read_certificate(lake, "1d")
