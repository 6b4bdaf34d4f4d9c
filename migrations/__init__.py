"""The schema's history, run by `valetkey db upgrade`."""
