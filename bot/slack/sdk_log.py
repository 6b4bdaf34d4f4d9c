"""Loggers for Slack's libraries: at DEBUG they write whole requests, with sign-in links in them."""

import logging


def sdk_logger(name: str) -> logging.Logger:
    """Give a logger for a part of Slack's libraries that never goes below INFO."""
    logger = logging.getLogger(f"valetkey.slack.{name}")
    logger.setLevel(logging.INFO)
    return logger
