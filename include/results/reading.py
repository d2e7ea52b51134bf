"""Tables of the results database as data frames."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import ColumnElement, Engine, Table, select
from sqlalchemy.exc import DBAPIError

from include.results.engine import shown
from include.results.errors import ResultsError


def read_rows(engine: Engine, table: Table, *conditions: ColumnElement[bool]) -> pd.DataFrame:
    """Rows that meet the conditions, ordered by primary key; times are UTC, a column of numbers by name holds dicts.

    Raises
    ------
    ResultsError
        If the database cannot be reached, or lacks the table.
    """
    statement = select(table).where(*conditions).order_by(*table.primary_key)
    try:
        with engine.connect() as connection:
            rows = connection.execute(statement).mappings().all()
    except DBAPIError as error:
        raise ResultsError(f"the results database {shown(engine)} cannot be read ({str(error.orig).strip()}); run make migrate") from error
    frame = pd.DataFrame([dict(row) for row in rows], columns=[column.name for column in table.columns])
    for column in table.columns:
        if column.type.python_type.__name__ == "datetime":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True).astype("datetime64[us, UTC]")
    return frame


def spread(frame: pd.DataFrame, column: str = "features") -> pd.DataFrame:
    """Replace a column of numbers by name by one column a name (float64; NaN where a row lacks it), in the order of the names."""
    wide = pd.DataFrame(frame[column].tolist(), index=frame.index, dtype="float64")
    return frame.drop(columns=column).join(wide[sorted(wide.columns)])
