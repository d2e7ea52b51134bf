"""Operators: each makes one step of a run and says what it did; libraries are imported when they work."""
