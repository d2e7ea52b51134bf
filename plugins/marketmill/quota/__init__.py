"""Quotas of the vendors, kept by all processes and workers together in the results database.

A hook that asks a vendor for something makes a :class:`~marketmill.quota.spending.Quota`, acquires a grant for each request and
settles it when the answer is there. :mod:`marketmill.quota.vendors` says what each vendor allows.
"""
