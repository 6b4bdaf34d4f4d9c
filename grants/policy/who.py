"""Who is named by policy, and who is told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Who:
    """Groups of the provider and people by verified email; `everyone` is any signed-in person."""

    groups: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    everyone: bool = False

    def names_nobody(self) -> bool:
        """Tell whether nobody can ever match."""
        return not (self.groups or self.people or self.everyone)


@dataclass(frozen=True)
class Notify:
    """Who is told of a request; never makes anybody eligible. References are the surface's own."""

    channels: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def names_nobody(self) -> bool:
        """Tell whether nobody is told."""
        return not (self.channels or self.user_groups or self.people)
