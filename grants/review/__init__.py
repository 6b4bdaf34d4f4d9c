"""Service accounts under review: what there is, what is used, what is risky, what would mend it."""
