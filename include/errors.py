"""The errors a user can cause or meet; each message is one sentence naming what, where and what to do."""

from __future__ import annotations


class MarketmillError(Exception):
    """Base of all errors that Marketmill raises on purpose."""


class ConfigurationError(MarketmillError):
    """A setting, universe file or form field is wrong."""


class UnsuitableError(ConfigurationError):
    """A model has nothing to learn from in a universe or timeframe of another kind."""


class LakeError(MarketmillError):
    """The lake cannot be read or written as asked."""


class SourceError(MarketmillError):
    """A source answered with something that cannot be taken as bars."""


class ModelError(MarketmillError):
    """A model cannot be trained, stored or read back as asked."""


class RegistryError(MarketmillError):
    """The registry of models cannot be reached; no model is to blame, and a moment later it may answer."""


class InsufficientDataError(ModelError):
    """There is too little data to train a model or to judge it; nothing is wrong with either, and a longer time would do."""


class NoEdgeError(ModelError):
    """There is data enough and nothing in it to choose: an answer, which ends a training without a version."""
