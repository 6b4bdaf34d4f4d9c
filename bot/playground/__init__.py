"""Doubles of this machine (Slack, an identity provider, a cluster): loopback only, never in `serve`."""
