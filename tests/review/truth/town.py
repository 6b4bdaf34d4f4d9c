"""The truth of one seed: each way in which an account may be needed, or not, some of each."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from tests.review.truth import form
from tests.review.truth.casting import BUSY, NAMESPACES, NEVER, PREFIX, RARE, Casting, user_of
from tests.review.truth.form import Deed, Grant, Permission, Person, Thing, Truth


def make_truth(seed: int, now: datetime) -> Truth:
    """Decide all that is true of a cluster and its month."""
    town = Casting(seed, now)
    _background(town)
    for part, least, most in _PARTS:
        for _ in range(town.dice.randint(least, most)):
            part(town)
    return town.finish()


# Those that are in use, and show it.


def _working(town: Casting) -> None:
    """Runs in a Deployment and uses some of its rights."""
    one = town.person("working", stale=False, seen=True)
    town.runs(one, town.dice.choice(("Deployment", "StatefulSet", "DaemonSet", "Pod")))
    town.uses(one, town.bind(one, town.rules(3)))
    if town.dice.random() < 0.5:
        town.uses(one, town.bind(one, town.rules(2), namespace=""))


def _outside(town: Casting) -> None:
    """Works from outside the cluster with a token: nothing runs as it."""
    one = town.person("outside", stale=False)
    town.uses(one, town.bind(one, town.rules(2)))


def _once(town: Casting) -> None:
    """Works from outside, and in this window did one single thing."""
    one = town.person("once a month", stale=False)
    grant = town.bind(one, town.rules(2))
    permission = town.dice.choice(grant.permissions)
    one.seen = town.do(one, grant, permission, town.once())


def _acted_as(town: Casting) -> None:
    """Is used only by a controller that acts as it."""
    actor = town.person("actor that impersonates", stale=False, seen=True)
    town.runs(actor, "Deployment")
    one = town.person("acted as by another", stale=False, namespace=actor.namespace)
    town.bind(actor, [Permission("impersonate", "", "serviceaccounts", one.name)])
    grant = town.bind(one, town.rules(2))
    for permission in grant.permissions:
        if town.dice.random() < 0.5 or permission is grant.permissions[0]:
            as_whom = {"user": user_of(actor), "acting_as": user_of(one)}
            shown = town.do(one, grant, permission, town.times(), **as_whom)
            one.seen = one.seen or shown


def _refused(town: Casting) -> None:
    """Asks every day for what it may not do: somebody uses it, and none of its rights."""
    one = town.person("refused always", stale=False)
    if town.dice.random() < 0.6:
        town.bind(one, town.rules(2))
    verb = town.dice.choice(("list", "get", "create"))
    town.hears(
        one,
        user=user_of(one),
        verb=verb,
        group="",
        resource="pods",
        namespace="elsewhere",
        allowed=False,
        days_ago=town.times(),
    )


def _token_asked(town: Casting) -> None:
    """Somebody asks for its tokens and takes them elsewhere."""
    one = town.person("token asked for by a person", stale=False)
    town.bind(one, town.rules(2))
    town.hears(
        one,
        user="ada",
        verb="create",
        group="",
        resource="serviceaccounts/token",
        namespace=one.namespace,
        name=one.name,
        days_ago=town.once(),
    )


def _pod_gone(town: Casting) -> None:
    """A pod made by hand ran as it: the kubelet asked for a token, and it called nobody."""
    one = town.person("pod that came and went", stale=False)
    town.bind(one, town.rules(2))
    town.hears(
        one,
        user="system:node:node-1",
        verb="create",
        group="",
        resource="serviceaccounts/token",
        namespace=one.namespace,
        name=one.name,
        days_ago=town.once(),
    )


# Those that might be used at any time, and do nothing.


def _mounted(town: Casting) -> None:
    """A pod or a template that runs as another holds its token in a Secret."""
    one = town.person("mounted token only", stale=False)
    town.bind(one, town.rules(2))
    other = Person(one.namespace, town.name("host"), "host of a token", stale=False, seen=True)
    town.truth.people.append(other)
    how = town.dice.choice(("volume", "env", "envFrom", "projected", "init"))
    kind = town.dice.choice(("Deployment", "suspended", "Pod"))
    thing = town.runs(other, kind, how)
    thing.secret = f"{one.name}-token"
    town.truth.things.append(Thing("Secret", one.namespace, thing.secret, one.name))
    other.seen = not (kind == "suspended" and town.lack == form.NO_CRONJOBS)
    one.seen = other.seen and town.lack != form.NO_SECRETS


def _suspended(town: Casting) -> None:
    one = town.person("suspended CronJob", stale=False, seen=town.lack != form.NO_CRONJOBS)
    town.runs(one, "suspended")
    town.bind(one, town.rules(2))


def _scaled_down(town: Casting) -> None:
    one = town.person("scaled to zero", stale=False, seen=True)
    town.runs(one, town.dice.choice(("zero Deployment", "zero StatefulSet", "zero ReplicaSet")))
    town.bind(one, town.rules(2))


def _yearly_job(town: Casting) -> None:
    one = town.person("yearly CronJob", stale=False, yearly=True)
    one.seen = town.lack != form.NO_CRONJOBS
    town.runs(one, "CronJob")
    town.bind(one, town.rules(2))


def _yearly_outside(town: Casting) -> None:
    """Comes once a year from outside; policy says so, and nothing in the cluster does."""
    one = town.person("yearly from outside", stale=False, yearly=True)
    town.bind(one, town.rules(2))


# Those that nobody needs.


def _stale(town: Casting) -> None:
    one = town.person("stale and never used", stale=True)
    for _ in range(town.dice.randint(1, 2)):
        town.bind(one, town.rules(town.dice.randint(1, 3)))


def _stale_since(town: Casting) -> None:
    """Was in use until the window began."""
    one = town.person("stale since before the window", stale=True)
    grant = town.bind(one, town.rules(2))
    early = [town.dice.uniform(30.5, 32.5)]
    town.do(one, grant, town.dice.choice(grant.permissions), early)


def _stale_bare(town: Casting) -> None:
    town.person("stale without rights", stale=True)


def _stale_token(town: Casting) -> None:
    """Has a Secret with a token that nobody mounts."""
    one = town.person("stale with an old token", stale=True)
    town.bind(one, town.rules(1))
    town.truth.things.append(Thing("Secret", one.namespace, f"{one.name}-token", one.name))


def _stale_everywhere(town: Casting) -> None:
    one = town.person("stale with rights everywhere", stale=True)
    town.bind(one, town.rules(2), namespace="")


def _stale_liar(town: Casting) -> None:
    """Bears the label of a managed component, and is none."""
    labels = {"addonmanager.kubernetes.io/mode": "Reconcile", "k8s-app": "metrics-server"}
    one = town.person("stale with a component's label", stale=True, labels=labels)
    town.bind(one, town.rules(1))


def _stale_rare(town: Casting) -> None:
    """May do what nobody does: no log can show that it would have been seen."""
    one = town.person("stale with rights that nobody uses", stale=True)
    town.bind(one, [*town.rules(1), *town.rules(1, town.dice.choice((RARE, NEVER)))])


def _young(town: Casting) -> None:
    one = town.person("young account", stale=True, days_old=town.dice.uniform(1, 29))
    town.bind(one, town.rules(2), days_old=one.days_old)


def _young_binding(town: Casting) -> None:
    one = town.person("young binding", stale=True)
    town.bind(one, town.rules(2), days_old=town.dice.uniform(1, 29))


def _young_role(town: Casting) -> None:
    one = town.person("young role", stale=True)
    town.bind(one, town.rules(2), role_days_old=town.dice.uniform(1, 29))


# Rights of odd forms.


def _wild(town: Casting) -> None:
    """Holds wildcards, one used and one not."""
    one = town.person("wildcards", stale=False, seen=True)
    town.runs(one, "Deployment")
    rights = [
        Permission("*", "", "services"),
        Permission("*", "apps", "*"),
        Permission("*", "", "secrets"),
    ]
    town.uses(one, town.bind(one, rights), share=0.4)


def _named(town: Casting) -> None:
    one = town.person("named objects", stale=False, seen=True)
    town.runs(one, "Deployment")
    rights = [Permission("get", "", "configmaps", name) for name in ("one", "two", "three")]
    rights += [Permission("update", "", "services", name) for name in ("one", "two")]
    town.uses(one, town.bind(one, rights))


def _applying(town: Casting) -> None:
    """Applies: what it makes shows as a patch, though `create` is needed too."""
    one = town.person("applies", stale=False, seen=True)
    town.runs(one, "Deployment")
    rights = [Permission(verb, "", "configmaps") for verb in ("create", "patch", "watch")]
    grant = town.bind(one, rights)
    town.do(one, grant, rights[1], town.times())


def _inside(town: Casting) -> None:
    """May bind and escalate, which no log ever shows."""
    one = town.person("binds inside requests", stale=False, seen=True)
    town.runs(one, "Deployment")
    group = "rbac.authorization.k8s.io"
    rights = [Permission("bind", group, "clusterroles"), Permission("escalate", group, "roles")]
    town.bind(one, [*rights, *town.rules(1)], namespace="")


def _twice_given(town: Casting) -> None:
    """Is given one right by two bindings: the log names one, and it is used by both."""
    one = town.person("given twice", stale=False, seen=True)
    town.runs(one, "Deployment")
    first, second = [
        [Permission("list", "apps", "statefulsets"), other]
        for other in (
            Permission("update", "", "services"),
            Permission("get", "coordination.k8s.io", "leases"),
        )
    ]
    grant = town.bind(one, first)
    town.bind(one, second)
    town.do(one, grant, first[0], town.times())


def _elsewhere(town: Casting) -> None:
    """Holds the same right in two namespaces and uses it in one."""
    one = town.person("same right in two places", stale=False, seen=True, namespace="shop")
    town.runs(one, "Deployment")
    town.uses(one, town.bind(one, [Permission("patch", "apps", "deployments")]), share=1)
    town.bind(one, [Permission("patch", "apps", "deployments")], namespace="search")


def _by_group(town: Casting) -> None:
    """All accounts of a namespace hold it, and one of them uses some of it."""
    one = town.person("group's member", stale=False, seen=True)
    town.runs(one, "Deployment")
    permissions = town.rules(2)
    group = f"system:serviceaccounts:{one.namespace}"
    grant = Grant(town.name("grant"), one.namespace, "Group", group, "", permissions)
    town.truth.grants.append(grant)
    town.uses(one, grant)


# What is there in every cluster.


def _managed(town: Casting) -> None:
    """Parts of Kubernetes and of a cloud: idle ones, which are nobody's to clean up."""
    for name in ("metrics-server", "coredns", "aws-node", "kube-proxy"):
        one = Person("kube-system", name, "managed component", stale=True, told="apart")
        town.truth.people.append(one)
        grant = town.bind(one, town.rules(2), namespace="", told="apart")
        grant.name = f"system:{name}"


def _defaults(town: Casting) -> None:
    for namespace in NAMESPACES:
        one = Person(namespace, "default", "default account", stale=False, told="never")
        town.truth.people.append(one)


def _many_tokens(town: Casting) -> None:
    """In some clusters a robot asks for tokens of more accounts than names are kept of."""
    if town.truth.seed % 5 != 4:
        return
    one = town.person("token among many", stale=False, namespace="ops")
    for name in (one.name, *(f"build-{number}" for number in range(60))):
        town.truth.deeds.append(
            Deed("ci", "create", "", "serviceaccounts/token", "ops", name, days_ago=town.once())
        )
    for other in town.truth.people:
        if other.namespace == "ops":
            other.lacks.append(form.TOKENS)


def _background(town: Casting) -> None:
    """A cluster that works: nodes renew their leases, controllers and people do all there is."""
    days = town.truth.days_of_log
    beats = [number / 48 for number in range(int(days * 48))]
    lease = ("update", "coordination.k8s.io", "leases", "kube-node-lease", "node-1")
    town.truth.deeds.append(Deed("system:node:node-1", *lease, days_ago=beats))
    robot = f"{PREFIX}kube-system:generic-garbage-collector"
    for group, resource, verbs in BUSY:
        for verb in verbs.split():
            for user in (robot, "ada"):
                town.truth.deeds.append(
                    Deed(user, verb, group, resource, "kube-public", "thing", days_ago=town.times())
                )
    for group, resource, verbs in RARE:
        seldom = [ago for ago in (2.0, 13.0, 24.0, 35.0) if ago < days]
        for verb in verbs.split():
            town.truth.deeds.append(
                Deed(robot, verb, group, resource, "kube-public", "thing", days_ago=seldom)
            )


_PARTS: Final[tuple[tuple[Callable[[Casting], None], int, int], ...]] = (
    (_working, 3, 6),
    (_outside, 1, 2),
    (_once, 1, 2),
    (_acted_as, 1, 2),
    (_refused, 1, 3),
    (_token_asked, 1, 2),
    (_pod_gone, 1, 2),
    (_mounted, 2, 4),
    (_suspended, 1, 2),
    (_scaled_down, 1, 2),
    (_yearly_job, 1, 1),
    (_yearly_outside, 1, 1),
    (_stale, 4, 7),
    (_stale_since, 1, 3),
    (_stale_bare, 1, 2),
    (_stale_token, 1, 2),
    (_stale_everywhere, 1, 2),
    (_stale_liar, 1, 1),
    (_stale_rare, 1, 2),
    (_young, 1, 2),
    (_young_binding, 1, 2),
    (_young_role, 1, 2),
    (_wild, 1, 2),
    (_named, 1, 1),
    (_applying, 1, 1),
    (_inside, 1, 1),
    (_twice_given, 1, 1),
    (_elsewhere, 1, 1),
    (_managed, 1, 1),
    (_defaults, 1, 1),
    (_by_group, 1, 1),
    (_many_tokens, 1, 1),
)
