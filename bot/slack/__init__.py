"""The surface in Slack: parses what Slack sends, calls one verb of the core, renders."""
