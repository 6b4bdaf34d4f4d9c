"""Kubernetes' own authorization semantics as pure code."""
