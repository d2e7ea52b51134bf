"""The authority that signs the stand-in's certificates; stand-ins that share a folder share it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import trustme


def open_authority(folder: Path) -> trustme.CA:
    """Take the authority of a folder, ``authority.pem`` and its ``authority.key``; made where one of them is not there.

    A client that trusts the certificate trusts each stand-in that was started with the folder, at once or later.

    Raises
    ------
    ValueError
        If a file is there that is none of an authority.
    """
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "authority.pem", folder / "authority.key"
    with (folder / "authority.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if certificate.exists() and key.exists():
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        authority = trustme.CA()
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(authority.private_key_pem.bytes())
        authority.cert_pem.write_to_path(str(certificate))
    return authority
