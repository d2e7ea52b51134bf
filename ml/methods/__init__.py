"""Methods that several models share."""
