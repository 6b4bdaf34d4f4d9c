"""Doubles of Slack, an identity provider and a cluster: loopback only, never in `serve`."""
