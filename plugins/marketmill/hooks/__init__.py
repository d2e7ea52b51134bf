"""Hooks: all that is known about a source, its files or its wire."""
