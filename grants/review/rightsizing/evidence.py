"""Whether what was not seen could have been seen."""

from typing import Protocol

from grants.authz.rbac import Right
from grants.review.rightsizing.model import Lack, Window


class Evidence(Protocol):
    """What is known about how a cluster was watched."""

    def lacks(
        self, right: Right, verb: str, api_group: str | None, what: str, window: Window
    ) -> Lack | None:
        """Say why use of this verb on this kind could have gone unseen; None: it could not.

        `*` stands for any verb or kind, as in rules; without a group `what` is a path.
        """
        ...


class Complete:
    """Evidence that somebody vouches for: all was logged, and rights are old enough."""

    def lacks(
        self,
        right: Right,  # noqa: ARG002 - a port
        verb: str,  # noqa: ARG002
        api_group: str | None,  # noqa: ARG002
        what: str,  # noqa: ARG002
        window: Window,  # noqa: ARG002
    ) -> Lack | None:
        """Lack nothing."""
        return None
