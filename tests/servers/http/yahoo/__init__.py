"""Stand-in for Yahoo Finance behind a CONNECT proxy with TLS: charts, options, cookie and crumb."""

from tests.servers.http.yahoo.instruments import Action
from tests.servers.http.yahoo.options import OptionLine, read_option_lines
from tests.servers.http.yahoo.server import YahooStandIn

__all__ = ["Action", "OptionLine", "YahooStandIn", "read_option_lines"]
