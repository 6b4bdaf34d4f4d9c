"""The only room that talks SQL."""
