"""What every layer shares: settings, universes, months, schemas, the lake and its assets."""
