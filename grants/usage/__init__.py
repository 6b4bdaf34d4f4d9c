"""Kubernetes' audit events, folded into who did what where, first and last seen; and what of it
could have been seen at all.
"""
