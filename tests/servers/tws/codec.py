"""Frames and fields of the TWS socket protocol: a 4-byte big-endian length, then texts that each end in NUL."""

from __future__ import annotations

import asyncio
import struct

#: Client messages are short; a longer length is a client that speaks another protocol.
LONGEST_REQUEST = 1 << 16
#: Oldest version that the stand-in speaks; from 153 on TWS escapes every character that is not ASCII.
OLDEST_VERSION = 157

Field = str | int | float | bool | None


class ProtocolError(Exception):
    """Bytes that no TWS client sends."""


def encode_field(value: Field) -> str:
    """One field as text: nothing for None, 1/0 for booleans, shortest exact numbers, escapes for what is not ASCII."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return _seven_bit(str(value))


def _seven_bit(text: str) -> str:
    if text.isascii():
        return text
    pieces = []
    for character in text:
        if character.isascii():
            pieces.append(character)
            continue
        units = character.encode("utf-16-be")
        pieces += [f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)]
    return "".join(pieces)


def frame(*fields: Field) -> bytes:
    """A whole message with its length in front."""
    body = "".join(encode_field(field) + "\0" for field in fields).encode("ascii")
    return struct.pack(">I", len(body)) + body


async def read_body(reader: asyncio.StreamReader) -> bytes:
    """Body of the next frame.

    Raises
    ------
    ProtocolError
        If its length is impossible.
    asyncio.IncompleteReadError
        If the client is gone.
    """
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if not 0 < length <= LONGEST_REQUEST:
        raise ProtocolError(f"a frame of {length} bytes")
    return await reader.readexactly(length)


def split_fields(body: bytes) -> list[str]:
    """Fields of a frame's body.

    Raises
    ------
    ProtocolError
        If it does not end in NUL or is not text.
    """
    if not body.endswith(b"\0"):
        raise ProtocolError("a frame that does not end in NUL")
    try:
        return body.decode().split("\0")[:-1]
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a frame that is not text: {error}") from None
