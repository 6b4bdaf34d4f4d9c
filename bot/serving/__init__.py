"""A running Valetkey: what is started in which order, watched, and stopped cleanly."""
