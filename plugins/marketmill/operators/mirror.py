"""Mirror the lake to MongoDB, where there is one."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from marketmill.operators.base import MillOperator


class MirrorOperator(MillOperator):
    """Bring the mirror up to date; skipped where there is no connection ``mongo_default``.

    Returns the months of bars by timeframe, and the models, that were written.
    """

    def work(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Write what the mirror lacks."""
        from pymongo.errors import PyMongoError

        from include.settings import open_lake
        from include.timeframes import TIMEFRAMES
        from marketmill.hooks.mongo import MongoHook
        from marketmill.hooks.mongo_connection import CONNECTION
        from marketmill.mirror import mirror_bars, mirror_models

        hook = MongoHook()
        if not hook.connected():
            self.skip(f"there is no connection {CONNECTION}: the lake alone serves")
        lake = open_lake()
        try:
            with hook.get_conn() as client:
                database = client[hook.database_name()]
                months = {timeframe: mirror_bars(lake, database, timeframe) for timeframe in TIMEFRAMES}
                models = mirror_models(database)
        except PyMongoError as error:
            # The server may be back a moment later; what was not written is written by the next try, or the next run.
            raise AirflowException(f"to be tried again: the MongoDB of {CONNECTION} did not take the mirror: {error}") from None
        written = {timeframe: changed for timeframe, changed in months.items() if changed}
        for timeframe, changed in written.items():
            self.log.info("%d months of %s bars mirrored, %s to %s", len(changed), timeframe, changed[0], changed[-1])
        return {"months": written, "models": models}
