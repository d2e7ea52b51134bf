"""Ways to spoil a file or an answer, drawn by a seed: case 17 of a seed is the same case everywhere."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

#: What stands where a value should be.
VALUES: tuple[Any, ...] = (
    None, True, False, "", " ", "x", "0", "-0", "1e999", "-1e-999", "NaN", "inf", "0x10", "1,5", "१२", "=1+1", "'; DROP TABLE bars; --",
    "../../etc/passwd", "\x00", "\ud7ff", "a" * 5000, 0, -1, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.1, -0.0, 1e308, 5e-324, float("nan"),
    float("inf"), [], {}, [None], [[]], {"": None}, [1, "x"], 253402300800, -62135596801,
)  # fmt: skip
BYTES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b"\n\n",
    b",",
    b'"',
    b"'",
    b";",
    b"\t",
    b"\\",
    b"=cmd|' /C calc'!A0",
    b"PK\x03\x04",
    b"9" * 400,
)


def spoil_bytes(draw: random.Random, data: bytes) -> bytes:
    """Do something to the bytes of a file."""
    at, to = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    ways = (
        data[:at],
        data[:at] + data[to:],
        data[:at] + data[at:to] * 2 + data[to:],
        data[:at] + draw.choice(BYTES) + data[at:],
        data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :],
        draw.choice((data.decode("latin-1").encode("utf-16"), data.replace(b",", b";"), data.replace(b"\n", b"\r\n"), data[::-1], b"")),
    )
    return draw.choice(ways) if draw.random() < 2 / 3 else spoil_lines(draw, data)


def spoil_lines(draw: random.Random, data: bytes) -> bytes:
    """Do something to the lines and fields of a table."""
    lines = [line.split(b",") for line in data.split(b"\n") if line]
    if not lines:
        return data
    line, kind = draw.choice(lines), draw.randrange(5)
    if kind == 0:
        line[draw.randrange(len(line))] = str(draw.choice(VALUES)).encode("utf-8", "replace")
    elif kind == 1:
        column, other = draw.randrange(len(line)), draw.randrange(len(line))
        for each in lines:
            if max(column, other) < len(each):
                each[column], each[other] = each[other], each[column]
    elif kind == 2:
        lines.insert(draw.randrange(len(lines)), list(line))
    elif kind == 3:
        draw.shuffle(lines)
    else:
        line.pop(draw.randrange(len(line)))
    return b"\n".join(map(b",".join, lines)) + b"\n"


def spoil_tree(draw: random.Random, tree: Any) -> Any:
    """Do something somewhere in a decoded JSON answer; the answer itself is left alone."""
    spoiled = copy.deepcopy(tree)
    places = list(_places(spoiled))
    if not places:
        return draw.choice(VALUES)
    holder, key = draw.choice(places)
    kind = draw.randrange(5)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[draw.randrange(len(holder))]))
    elif kind == 2 and isinstance(holder, list):
        del holder[key]
    elif kind == 3:
        holder[key] = copy.deepcopy(draw.choice(places)[0])
    else:
        holder[key] = copy.deepcopy(draw.choice(VALUES))
    return spoiled


def spoil(draw: random.Random, whole: Any, how: Callable[[random.Random, Any], Any]) -> Any:
    """Spoil in one to four ways, one after the other."""
    for _ in range(draw.randint(1, 4)):
        whole = how(draw, whole)
    return whole


def shown(case: Any) -> str:
    """A case for the message of a failed test."""
    return (repr(case) if isinstance(case, bytes) else json.dumps(case, default=repr))[:2000]


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])
