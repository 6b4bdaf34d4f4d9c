"""Cards: pure functions from domain values to messages, views and their blocks."""
