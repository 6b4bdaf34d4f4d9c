"""Escalation paths: who can become whom, step by step, up to the goals of an intruder."""
