"""The append-only log: events, canonical bytes, order."""
