"""Loggers for Slack's libraries: at DEBUG they write whole requests, with sign-in links in them."""

import logging

from slack_sdk.errors import SlackApiError


def sdk_logger(name: str) -> logging.Logger:
    """Give a logger for a part of Slack's libraries that never goes below INFO."""
    logger = logging.getLogger(f"valetkey.slack.{name}")
    logger.setLevel(logging.INFO)
    return logger


def code_of(error: Exception) -> str:
    """Name an error of Slack's without its text, which may hold an address with a secret in it."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error"))
    return type(error).__name__
