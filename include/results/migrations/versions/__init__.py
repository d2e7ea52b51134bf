"""The steps; a step that was published is never changed."""
