"""Kubernetes' objects from files and dumps: what is fit for use as values, the rest as problems."""

from grants.review.reading.files import read_paths

__all__ = ["read_paths"]
