"""``.keras`` files whose bytes depend on the network alone: Keras puts the time into them.

They are zip archives of JSON and HDF5; nothing in them is ever unpickled.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

_EPOCH = (1980, 1, 1, 0, 0, 0)
_METADATA, _WEIGHTS = "metadata.json", "model.weights.h5"
_NAME = "network.keras"


def keras_bytes(network: Any) -> bytes:
    """Write a network; equal networks give equal bytes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, _NAME)
        network.save(path)
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in sorted(archive.namelist())}
    facts = json.loads(content[_METADATA])
    facts.pop("date_saved", None)
    content[_METADATA] = json.dumps(facts, sort_keys=True).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def keras_weights(content: bytes) -> list[np.ndarray]:
    """Arrays of a stored network in the order of its layers; it is not compiled, and code inside it is refused."""
    import keras

    with TemporaryDirectory() as folder:
        path = Path(folder, _NAME)
        path.write_bytes(content)
        found: list[np.ndarray] = keras.saving.load_model(path, compile=False, safe_mode=True).get_weights()
    return found


def array_bytes(content: bytes) -> bytes:
    """All arrays of a ``.keras`` file with their places and shapes, for a hash that no other part of the file can change."""
    import h5py

    parts: list[bytes] = []

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            values = np.asarray(item)
            parts.append(f"{name}/{values.shape}/{values.dtype.str};".encode() + values.tobytes())

    with zipfile.ZipFile(io.BytesIO(content)) as archive, h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as arrays:
        arrays.visititems(collect)
    return b"".join(sorted(parts))
