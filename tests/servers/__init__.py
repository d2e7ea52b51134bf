"""Loopback stand-ins: small servers on 127.0.0.1 that speak a vendor's protocol to the vendor's unmodified client."""
