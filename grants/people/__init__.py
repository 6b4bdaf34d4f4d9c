"""Who somebody is: Slack account and (issuer, subject), groups, how and when they signed in."""
