"""Questions to a source, for the symbols of a batch one after the other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from include.errors import MarketmillError, SourceError
from include.results.errors import ResultsError
from marketmill.hooks.base import RemoteHook
from marketmill.outcomes import Transient, Unreachable

Answer = TypeVar("Answer")
_LOG = logging.getLogger(__name__)
#: Seconds of waiting before the first questions of a run are given up.
_PAUSES = (5, 10)
_PATIENCE = 20.0


def confirm_reachable(hook: RemoteHook, sleep: Callable[[float], None] = time.sleep) -> None:
    """Ask whether anybody is there before a run begins: three times, within about twenty seconds.

    A connection that is lost later is waited for with more patience, by the retries of the tasks.

    Raises
    ------
    SourceError
        If nobody can be reached.
    """
    began = time.monotonic()
    for pause in (*_PAUSES, None):
        if (gone := hook.reach()) is None:
            return
        if pause is None or time.monotonic() - began + pause > _PATIENCE:
            raise SourceError(gone.reason)
        _LOG.info("nobody can be reached, asking again in %d s", pause)
        sleep(pause)


class Asking:
    """Asks until nobody can be reached; from then on that is the answer to each question, and nobody is asked.

    Attributes
    ----------
    gone
        The outcome that ended it; None while there is somebody.
    """

    def __init__(self) -> None:
        self.gone: Unreachable | None = None

    def ask(self, symbol: str, question: Callable[[], Answer]) -> Answer | Transient:
        """Put a question about a symbol to the source's hook; a fault of ours in one answer must not cost the other symbols theirs.

        Raises
        ------
        MarketmillError
            Whatever the hook raises on purpose, but for a results database that does not answer.
        """
        if self.gone:
            return self.gone
        try:
            answer = question()
        except ResultsError as error:
            return Transient(str(error))
        except MarketmillError:
            raise
        except Exception as error:  # noqa: BLE001  (see above)
            _LOG.exception("%s: the hook failed", symbol)
            return Transient(f"unexpected {type(error).__name__}: {error}")
        if isinstance(answer, Unreachable):
            self.gone = answer
        return answer
