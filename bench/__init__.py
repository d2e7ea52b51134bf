"""The bench: what the project claims to be fast, measured beside others on this machine; ``make bench`` runs it."""
