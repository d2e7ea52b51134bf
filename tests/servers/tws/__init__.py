"""Stand-in for Interactive Brokers' TWS: speaks its socket protocol (versions 157 to 176) and serves real bars.

``with TwsServer(BarStore({"AAPL": {"1d": rows}})) as server: ib.connectAsync(server.host, server.port, clientId=1)``
"""

from tests.servers.tws.faults import Fault
from tests.servers.tws.gateway import TwsSettings
from tests.servers.tws.server import TwsServer

__all__ = ["Fault", "TwsServer", "TwsSettings"]
