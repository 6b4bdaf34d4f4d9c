"""Who lives in a cluster, decided first: what is stale or unused, and what could show it.

Nothing here looks at how a verdict is come by. What is true is chosen; objects and traffic follow.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from random import Random

from tests.review.truth import form
from tests.review.truth.form import Deed, Grant, Permission, Person, Thing, Truth

PREFIX = "system:serviceaccount:"
NAMESPACES = ("shop", "billing", "search", "ops")

# (group, resource, verbs); somebody reads and writes these every day, and accounts among them.
BUSY = (
    ("", "pods", "get list watch create delete"),
    ("", "services", "get list watch update"),
    ("", "configmaps", "get list watch create update patch"),
    ("", "secrets", "get list create update"),
    ("apps", "deployments", "get list watch update patch"),
    ("apps", "statefulsets", "get list patch delete"),
    ("", "pods/log", "get"),
    ("", "pods/exec", "create"),
    ("batch", "jobs", "get list watch create delete"),
    ("coordination.k8s.io", "leases", "get create update"),
    ("networking.k8s.io", "ingresses", "get list watch update"),
)
# Of these nobody does anything for longer than a week, or ever.
RARE = (("policy", "poddisruptionbudgets", "get list update"),)
NEVER = (("", "limitranges", "get list delete"),)

WEEKS = (
    *(("",) * 4),
    *(form.READS, form.SOME_READS, form.ACCOUNTS, form.TRACKING, form.GAP, form.LOSSES),
    *(form.NO_SECRETS, form.NO_CRONJOBS),
)
_READ = {"get", "list", "watch"}
_DROPPED = {"secrets", "configmaps"}
_WHOLE = {form.TRACKING, form.GAP, form.LOSSES}
"""What tells against any conclusion at all."""


def drops(lack: str, verb: str, resource: str, user: str) -> bool:
    """Tell whether the audit policy of this month leaves a request out."""
    if verb not in _READ:
        return False
    return (
        lack == form.READS
        or (lack == form.SOME_READS and resource in _DROPPED)
        or (lack == form.ACCOUNTS and user.startswith(PREFIX))
    )


def _reads(verb: str) -> str:
    """Give a way to read with a verb that lets do anything, or whatever an actor does."""
    return "get" if verb in {"*", "impersonate"} else verb


def _is_use(
    deed: Deed, permission: Permission, grant: Grant, members: list[tuple[str, str]]
) -> bool:
    """Tell whether a deed of the window is one that a grant's permission allows."""
    if not deed.allowed or min(deed.days_ago) >= 30:
        return False
    users = {f"{PREFIX}{namespace}:{name}" for namespace, name in members}
    if permission.verb == "impersonate":
        namespace, _, name = deed.acting_as.removeprefix(PREFIX).partition(":")
        return deed.user in users and (namespace, name) == (grant.namespace, permission.name)
    return (
        (deed.acting_as or deed.user) in users
        and grant.namespace in {"", deed.namespace}
        and permission.verb in {"*", deed.verb}
        and permission.group == deed.group
        and permission.resource in {"*", deed.resource}
        and permission.name in {"", deed.name}
    )


def user_of(person: Person) -> str:
    """Give the name that an account asks by."""
    return f"{PREFIX}{person.namespace}:{person.name}"


class Casting:
    """Puts people, their rights and what they do into one cluster."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.dice = Random(f"truth/{seed}")
        lack = WEEKS[seed % len(WEEKS)]
        dice = self.dice
        days = dice.uniform(12, 25) if lack == form.TRACKING else dice.uniform(33, 36)
        at = dice.uniform(6, 20)
        gap = [at + dice.choice((0.2, 1.0, 3.0)), at] if lack == form.GAP else None
        self.truth = Truth(seed, now.isoformat(), lack, days, gap)
        self.lack = lack
        self._number = 0

    # What is put together.

    def name(self, word: str) -> str:
        self._number += 1
        return f"{word}-{self._number}"

    def person(self, cast: str, *, stale: bool, **more: object) -> Person:
        namespace = str(more.pop("namespace", "") or self.dice.choice(NAMESPACES))
        made = Person(namespace, self.name(cast.split(maxsplit=1)[0]), cast, stale, **more)  # type: ignore[arg-type]
        self.truth.people.append(made)
        return made

    def hears(self, person: Person, **more: object) -> None:
        """Let something be done that shows an account is in use, without a right of its own."""
        deed = Deed(**more)  # type: ignore[arg-type]
        self.truth.deeds.append(deed)
        person.seen = person.seen or self.shown(deed)

    def runs(self, person: Person, kind: str, how: str = "") -> Thing:
        made = Thing(kind, person.namespace, self.name("work"), person.name, how)
        self.truth.things.append(made)
        return made

    def rules(
        self, kinds: int = 2, among: Iterable[tuple[str, str, str]] = BUSY
    ) -> list[Permission]:
        """Give rights on some kinds, none of them used yet."""
        found = []
        for group, resource, verbs in self.dice.sample(list(among), kinds):
            every = verbs.split()
            some = self.dice.sample(every, self.dice.randint(1, len(every)))
            found += [Permission(verb, group, resource) for verb in sorted(some)]
        return found

    def bind(self, person: Person, permissions: list[Permission], **more: object) -> Grant:
        place = str(more.pop("namespace", person.namespace))
        made = Grant(
            self.name("grant"),
            place,
            "ServiceAccount",
            person.name,
            person.namespace,
            permissions,
            **more,  # type: ignore[arg-type]
        )
        self.truth.grants.append(made)
        return made

    def times(self) -> list[float]:
        """Give when something is done that is done every day or so, to the very end."""
        step = self.dice.uniform(0.3, 1.2)
        at, found = self.dice.uniform(0.01, step), []
        while at < self.truth.days_of_log:
            found.append(at)
            at += step
        return found

    def once(self) -> list[float]:
        """Give a moment of the window; the one that is missing from the log, if there is one."""
        if self.truth.gap:
            return [sum(self.truth.gap) / 2]
        if self.lack == form.TRACKING:
            return [self.dice.uniform(self.truth.days_of_log + 0.5, 29.5)]
        return [self.dice.uniform(1, 29)]

    def do(
        self,
        person: Person,
        grant: Grant,
        permission: Permission,
        days_ago: list[float],
        **more: object,
    ) -> bool:
        """Let somebody use a right; tells whether the log shows it."""
        verb, resource = permission.verb, permission.resource
        if verb == "*":
            verb = self.dice.choice(("get", "patch"))
        if resource == "*":
            resource = "deployments"
        user = str(more.pop("user", "")) or user_of(person)
        name = permission.name or ("" if verb in {"list", "watch", "create"} else "thing")
        kind = "ClusterRoleBinding" if not grant.namespace else "RoleBinding"
        place = f"/{grant.namespace}" if grant.namespace else ""
        through = f'{kind} "{grant.name}{place}" of {grant.name} to ServiceAccount "{person.name}"'
        where = grant.namespace or self.dice.choice(NAMESPACES)
        deed = Deed(
            user,
            verb,
            permission.group,
            resource,
            where,
            name,
            through=through,
            days_ago=days_ago,
            **more,
        )  # type: ignore[arg-type]
        self.truth.deeds.append(deed)
        return self.shown(deed)

    def shown(self, deed: Deed) -> bool:
        """Tell whether the log has a line of a deed that was done in the window."""
        if drops(self.lack, deed.verb, deed.resource, deed.user):
            return False
        if self.lack == form.LOSSES and len(deed.days_ago) == 1:
            return False  # its line is one of those that are broken
        gap = self.truth.gap
        return any(
            ago < min(30.0, self.truth.days_of_log) and not (gap and gap[1] <= ago <= gap[0])
            for ago in deed.days_ago
        )

    def uses(self, person: Person, grant: Grant, share: float = 0.5) -> None:
        """Let somebody use some of what a grant gives, at least one of it, again and again."""
        some = [p for p in grant.permissions if self.dice.random() < share]
        for permission in some or [self.dice.choice(grant.permissions)]:
            shown = self.do(person, grant, permission, self.times())
            person.seen = person.seen or shown

    # What can be said, of each right and each account.

    def finish(self) -> Truth:
        """Say of all that is not seen whether the evidence is complete, and what it lacks."""
        people = {(one.namespace, one.name): one for one in self.truth.people}
        for grant in self.truth.grants:
            members = self._members(grant)
            for permission in grant.permissions:
                self._used(permission, grant, members)
            for permission in grant.permissions:
                self._lacks(permission, grant, [people[member] for member in members])
        for person in self.truth.people:
            self._lacks_of(person)
        return self.truth

    def _used(self, permission: Permission, grant: Grant, members: list[tuple[str, str]]) -> None:
        deeds = [deed for deed in self.truth.deeds if _is_use(deed, permission, grant, members)]
        permission.used = bool(deeds)
        if deeds and not any(self.shown(deed) for deed in deeds):
            permission.lacks.append(self.lack)

    def _members(self, grant: Grant) -> list[tuple[str, str]]:
        if grant.subject_kind == "ServiceAccount":
            return [(grant.subject_namespace, grant.subject_name)]
        place = grant.subject_name.removeprefix("system:serviceaccounts:")
        return [(one.namespace, one.name) for one in self.truth.people if one.namespace == place]

    def _lacks(self, permission: Permission, grant: Grant, people: list[Person]) -> None:
        if permission.used and not permission.lacks:
            return  # the log shows it, and that is enough
        found = {*permission.lacks, *self._lacks_of_kind(permission)}
        if grant.days_old < 30:
            found.add(form.YOUNG_BINDING)
        if grant.role_days_old < 30:
            found.add(form.YOUNG_ROLE)
        # The members of a group come and go; the group is as old as its right.
        if grant.subject_kind == "ServiceAccount" and people[0].days_old < 30:
            found.add(form.YOUNG_ACCOUNT)
        if any(person.yearly for person in people):
            found.add(form.YEARLY)
        if permission.verb == "create" and self._applied(permission, grant, people):
            found.add(form.BY_APPLY)
        permission.lacks = sorted(found)

    def _applied(self, permission: Permission, grant: Grant, people: list[Person]) -> bool:
        """Tell whether one was seen to apply things of the kind there, by whichever grant.

        What an apply makes anew needs `create` from any grant, and shows as a patch.
        """
        members = [(person.namespace, person.name) for person in people]
        alike = [replace(permission, verb=verb) for verb in ("patch", "update")]
        return any(
            _is_use(deed, one, grant, members) and self.shown(deed)
            for one in alike
            for deed in self.truth.deeds
        )

    def _lacks_of_kind(self, permission: Permission) -> Iterable[str]:
        if permission.verb in {"bind", "escalate"}:
            yield form.INSIDE
        elif self.lack in _WHOLE or self._drops(permission):
            yield self.lack
        if (permission.group, permission.resource) in {kind[:2] for kind in RARE + NEVER}:
            yield form.NOBODY

    def _drops(self, permission: Permission) -> bool:
        return drops(self.lack, _reads(permission.verb), permission.resource, PREFIX)

    def _lacks_of(self, person: Person) -> None:
        found = set(person.lacks)
        own = [
            g
            for g in self.truth.grants
            if (g.subject_namespace, g.subject_name) == (person.namespace, person.name)
        ]
        shared = [
            g
            for g in self.truth.grants
            if g.subject_kind == "Group"
            and g.subject_name == f"system:serviceaccounts:{person.namespace}"
        ]
        for grant in (*own, *shared):
            if grant.days_old < 30:
                found.add(form.YOUNG_BINDING)
            if grant.role_days_old < 30:
                found.add(form.YOUNG_ROLE)
            for permission in grant.permissions:
                found |= {*self._lacks_of_kind(permission)} - {form.INSIDE}
        # Of what a policy drops even refusals are dropped, whatever the account may do.
        if self.lack in {*_WHOLE, form.READS, form.ACCOUNTS, form.NO_CRONJOBS}:
            found.add(self.lack)
        mounted = any(
            thing.namespace == person.namespace and thing.secret for thing in self.truth.things
        )
        if self.lack == form.NO_SECRETS and mounted:
            found.add(self.lack)
        if person.days_old < 30:
            found.add(form.YOUNG_ACCOUNT)
        if person.yearly:
            found.add(form.YEARLY)
        person.lacks = sorted(found)
