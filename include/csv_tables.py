"""Tables as CSV that a spreadsheet may open: no cell of it is taken for a formula."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

#: What a spreadsheet takes for the beginning of a formula, see owasp.org/www-community/attacks/CSV_Injection.
_FORMULA = r"^[=+\-@\t\r\n]"
_SECONDS = pa.timestamp("s", tz="UTC")


def append_csv(path: Path, table: pa.Table) -> None:
    """Write rows below those that are there; the first ones with a header.

    Numbers are written so that they are read back as they were. Times are ISO 8601 in UTC, days ``YYYY-MM-DD``; a text that begins
    like a formula gets an apostrophe before it.
    """
    columns = {name: _written(table[name]) for name in table.column_names}
    with path.open("ab") as stream:
        options = csv.WriteOptions(include_header=stream.tell() == 0, quoting_style="needed")
        csv.write_csv(pa.table(columns), stream, options)


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        whole = pc.all(pc.equal(pc.floor_temporal(column, unit="second"), column)).as_py() is not False
        return pc.strftime(column.cast(_SECONDS) if whole else column, format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_string(column.type):
        return pc.if_else(pc.match_substring_regex(column, _FORMULA), pc.binary_join_element_wise("'", column, ""), column)
    return column
