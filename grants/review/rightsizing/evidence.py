"""Whether what was not seen could have been seen."""

from typing import Protocol

from grants.review.rightsizing.model import Lack, Window


class Evidence(Protocol):
    """What is known about how a cluster was watched."""

    def lacks(self, verb: str, api_group: str, resource: str, window: Window) -> Lack | None:
        """Say why use of this verb on this kind could have gone unseen; None: it could not.

        `*` stands for any verb or kind, as in rules.
        """
        ...


class Complete:
    """Evidence that is taken to be complete, because somebody says so."""

    def lacks(self, verb: str, api_group: str, resource: str, window: Window) -> Lack | None:  # noqa: ARG002 - a port
        """Lack nothing."""
        return None
