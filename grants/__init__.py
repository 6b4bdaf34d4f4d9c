"""The core of Valetkey: knows no Slack, no HTTP server, no argv, no scheduler."""
