"""What an account holds today: by bindings that name it, and by groups that it can't leave."""

from dataclasses import replace
from typing import Final

from grants.authz.matching import answers
from grants.authz.model import Question, Rule
from grants.authz.objects import GROUP, SERVICE_ACCOUNT, USER, Binding, Caller, Subject
from grants.authz.rbac import Rbac, Right
from grants.review.rightsizing.defaults import default_rules
from grants.review.rightsizing.model import Scope, Target


class Held:
    """An account's rights, told apart by whether a proposal can change them."""

    def __init__(self, rbac: Rbac, target: Target) -> None:
        """Look up what the account holds."""
        self.rbac: Final = rbac
        self.target: Final = target
        self._itself: Final = Caller(target.user)
        self._groups: Final = Caller("", target.caller.groups)
        self.own: Final[tuple[Right, ...]] = rbac.rights(self._itself)
        self.by_group: Final[tuple[Right, ...]] = rbac.rights(self._groups)
        self._defaults: Final = default_rules(rbac)
        self._absent: Final = _absent_name(self.own)

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """The bindings that name the account itself, dangling ones too."""
        return tuple(
            binding
            for binding in self.rbac.bindings
            if any(self.names(subject, binding) for subject in binding.subjects)
        )

    def names(self, subject: Subject, binding: Binding) -> bool:
        """Tell whether a subject of a binding is this very account, under either of its names."""
        if subject.kind == USER:
            return subject.name == self.target.user
        place = subject.namespace or binding.namespace or ""
        return (
            subject.kind == SERVICE_ACCOUNT
            and subject.name == self.target.name
            and place == self.target.namespace
        )

    def allows(self, question: Question) -> bool:
        """Tell whether the account may do this today, by whatever."""
        return self.rbac.allowed(self._itself, question) or self.given_anyway(question)

    def given_anyway(self, question: Question) -> bool:
        """Tell whether groups allow this, so that no role of its own has to."""
        by_default = any(answers(rule, question) for rule in self._defaults)
        return by_default or self.rbac.allowed(self._groups, question)

    def for_any_name(self, question: Question) -> bool:
        """Tell whether this is allowed for things that no rule names."""
        return self.allows(replace(question, name=self._absent))

    def rules_in(self, scope: Scope) -> tuple[Rule, ...]:
        """Give every rule that counts in a place, those that hold everywhere included."""
        return (*self.rbac.rules_in(self.target.caller, scope), *self._defaults)

    def group_rules_in(self, scope: Scope) -> tuple[Rule, ...]:
        """Give the rules that count in a place and come by a group."""
        return (*self.rbac.rules_in(self._groups, scope), *self._defaults)


def is_group(subject: Subject) -> bool:
    """Tell whether a subject is a group."""
    return subject.kind == GROUP


def _absent_name(rights: tuple[Right, ...]) -> str:
    """Make a name that no rule holds: a letter longer than the longest of theirs."""
    names = (name for right in rights for rule in right.rules for name in rule.resource_names)
    return max(names, key=len, default="") + "x"
