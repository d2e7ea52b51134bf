"""What bars must fulfil before anything believes them: rules, the check that splits kept from refused rows, and publishing."""

import logging

# At its import the library tells of hundreds of functions that it does not register; a task's log is for its user.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
