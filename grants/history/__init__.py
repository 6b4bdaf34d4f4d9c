"""Questions over the record: who had what, when, why, and who let them."""
