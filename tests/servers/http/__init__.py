"""Stand-ins that speak HTTP: Binance's REST API, Binance's bulk files, Yahoo behind a TLS proxy."""
