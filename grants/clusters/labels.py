"""The labels and annotations that bindings of this product bear, from one prefix."""

from typing import Final

PREFIX: Final = "valetkey.dev/"

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
MANAGED_BY: Final = "valetkey"

INSTALLATION_LABEL: Final = f"{PREFIX}installation"
GRANT_LABEL: Final = f"{PREFIX}grant"

# The grant's id is an annotation too: labels are for finding, annotations for reading.
GRANT_ANNOTATION: Final = f"{PREFIX}grant"
EXPIRES_ANNOTATION: Final = f"{PREFIX}expires-at"
REQUESTER_ANNOTATION: Final = f"{PREFIX}requester"
APPROVERS_ANNOTATION: Final = f"{PREFIX}approvers"
