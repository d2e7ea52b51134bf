"""Tests of Marketmill (a package, so that the stand-ins can be started by ``python -m tests.servers...``)."""
