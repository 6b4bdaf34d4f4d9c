"""The policy in force: bad versions refused visibly, the last good one kept."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from grants.errors import PolicyInvalid, PolicyProblem, StoreUnavailable
from grants.policy.registry import PolicyRegistry
from grants.policy.source import PolicyFile, digest_of, pack, unpack
from grants.record.model import Event, EventType
from tests.support.policies import NOW, VALID, changed

LATER = NOW + timedelta(minutes=1)
MUCH_LATER = NOW + timedelta(minutes=2)
OTHER = changed(("Look at the shop", "See the shop"))
BROKEN = changed(("oidc:{email}", "oidc:"))
WITHOUT_PROD = changed(("name: prod", "name: live"), ("clusters: [prod]", "clusters: [live]"))


@dataclass
class Files:
    """A policy file that tests rewrite; `error` stands for one that can't be read."""

    text: str = VALID
    error: PolicyInvalid | None = None

    def files(self) -> tuple[PolicyFile, ...]:
        if self.error:
            raise self.error
        return (PolicyFile("policy.yaml", self.text.encode()),)

    @property
    def digest(self) -> str:
        return digest_of(self.files())


@dataclass(frozen=True)
class Living:
    id: str
    cluster: str


@dataclass
class Rows:
    """The rows that policy needs; commits all of a transaction or nothing."""

    live: list[Living] = field(default_factory=list)
    groups: frozenset[str] = frozenset({"admins", "engineers", "leads"})
    policies: dict[str, bytes] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    down: bool = False
    commits: int = 0

    @contextmanager
    def write(self) -> Iterator["Rows"]:
        if self.down:
            raise StoreUnavailable
        kept = dict(self.policies), list(self.events)
        try:
            yield self
        except BaseException:
            self.policies, self.events = kept
            raise
        self.commits += 1

    def append(self, event: Event) -> None:
        self.events.append(event)

    def add_policy(self, digest: str, body: bytes, at: datetime) -> None:
        self.policies.setdefault(digest, body)

    def last_policy(self) -> bytes | None:
        loaded = [e for e in self.events if e.type is EventType.POLICY_LOADED]
        return self.policies.get(loaded[-1].policy_digest or "") if loaded else None

    def live_grants(self) -> Sequence[Living]:
        return self.live

    def known_groups(self) -> frozenset[str]:
        return self.groups


@dataclass
class Scene:
    files: Files
    rows: Rows
    registry: PolicyRegistry

    def told(self) -> list[str]:
        return [str(event.type) for event in self.rows.events]

    def described(self) -> str:
        return self.registry.current().entitlements[0].description


@pytest.fixture
def scene() -> Scene:
    files, rows = Files(), Rows()
    return Scene(files, rows, PolicyRegistry(files, rows))


@pytest.fixture
def loaded(scene: Scene) -> Scene:
    scene.registry.load(NOW)
    return scene


def test_a_loaded_version_is_kept_by_digest_and_told(scene: Scene) -> None:
    policy = scene.registry.load(NOW)
    assert scene.registry.current() is policy
    assert scene.rows.policies == {policy.digest: VALID.encode()}
    (event,) = scene.rows.events
    assert event.type is EventType.POLICY_LOADED
    assert (event.actor, event.at, event.policy_digest) == ("system", NOW, policy.digest)
    assert event.facts == {"clusters": 1, "entitlements": 1, "warnings": 0}
    assert scene.registry.problems == ()
    assert scene.registry.refused_at is None
    assert scene.registry.loaded_at == NOW


@pytest.mark.parametrize("text", [BROKEN, ""])
def test_a_start_with_a_broken_file_goes_on_with_the_last_good_version(
    loaded: Scene, text: str
) -> None:
    """Revocation must not depend on nobody having broken the policy before a restart."""
    loaded.files.text = text
    again = PolicyRegistry(loaded.files, loaded.rows)
    policy = again.start(NOW)
    assert policy.digest == loaded.registry.current().digest
    assert again.problems
    assert loaded.told()[-1] == "policy.refused"
    assert again.poll(NOW) is False
    loaded.files.text = VALID.replace("prod", "live")
    assert again.poll(NOW) is True
    assert again.problems == ()


def test_a_start_without_any_good_version_is_an_error(scene: Scene) -> None:
    scene.files.text = BROKEN
    with pytest.raises(PolicyInvalid):
        scene.registry.start(NOW)


def test_a_kept_version_that_can_not_be_read_any_more_is_no_version(loaded: Scene) -> None:
    digest = loaded.registry.current().digest
    loaded.rows.policies[digest] = b"apiVersion: valetkey/v0\n"
    loaded.files.text = BROKEN
    with pytest.raises(PolicyInvalid):
        PolicyRegistry(loaded.files, loaded.rows).start(NOW)


@pytest.mark.parametrize("texts", [(VALID,), (VALID, "more: 1\n"), ("ä\n", "", "1 2\n3")])
def test_what_is_packed_unpacks_to_the_same_version(texts: tuple[str, ...]) -> None:
    files = tuple(PolicyFile(f"{n}-ö.yaml", text.encode()) for n, text in enumerate(texts))
    assert digest_of(unpack(pack(files))) == digest_of(files)


def test_there_is_no_policy_before_the_first(scene: Scene) -> None:
    with pytest.raises(PolicyInvalid):
        scene.registry.current()
    assert scene.registry.loaded_at is None
    assert scene.registry.warnings == ()


def test_a_first_version_that_is_bad_is_an_error_and_told(scene: Scene) -> None:
    scene.files.text = BROKEN
    with pytest.raises(PolicyInvalid) as caught:
        scene.registry.load(NOW)
    assert [problem.code for problem in caught.value.problems] == ["bad-template"]
    assert scene.told() == ["policy.refused"]
    with pytest.raises(PolicyInvalid):
        scene.registry.current()


def test_nothing_new_costs_no_transaction(loaded: Scene) -> None:
    before = loaded.rows.commits
    assert not loaded.registry.poll(LATER)
    assert loaded.rows.commits == before


def test_a_changed_file_comes_into_force(loaded: Scene) -> None:
    loaded.files.text = OTHER
    assert loaded.registry.poll(LATER)
    assert loaded.described() == "See the shop"
    assert loaded.registry.loaded_at == LATER
    assert loaded.told() == ["policy.loaded", "policy.loaded"]
    assert len(loaded.rows.policies) == 2


def test_a_version_that_another_replica_put_in_force_is_told_once(loaded: Scene) -> None:
    other = PolicyRegistry(loaded.files, loaded.rows)
    other.load(LATER)
    assert loaded.told() == ["policy.loaded"]
    loaded.files.text = OTHER
    assert loaded.registry.poll(LATER)
    assert other.poll(MUCH_LATER)
    assert loaded.told() == ["policy.loaded", "policy.loaded"]
    assert other.current().digest == loaded.registry.current().digest


def test_a_bad_file_is_refused_visibly_and_the_last_good_version_stays(loaded: Scene) -> None:
    loaded.files.text = BROKEN
    assert not loaded.registry.poll(LATER)
    assert loaded.described() == "Look at the shop"
    assert [problem.code for problem in loaded.registry.problems] == ["bad-template"]
    assert loaded.registry.refused_at == LATER
    event = loaded.rows.events[-1]
    assert event.type is EventType.POLICY_REFUSED
    assert event.policy_digest == loaded.files.digest
    assert event.facts == {"codes": ["bad-template"], "problems": 1}
    assert loaded.files.digest not in loaded.rows.policies


def test_the_same_bad_file_is_told_once(loaded: Scene) -> None:
    loaded.files.text = BROKEN
    loaded.registry.poll(LATER)
    loaded.registry.poll(MUCH_LATER)
    with pytest.raises(PolicyInvalid):
        loaded.registry.load(MUCH_LATER)
    assert loaded.told() == ["policy.loaded", "policy.refused"]
    assert loaded.registry.refused_at == LATER


def test_a_mended_file_clears_the_refusal(loaded: Scene) -> None:
    loaded.files.text = BROKEN
    loaded.registry.poll(LATER)
    loaded.files.text = VALID
    assert not loaded.registry.poll(MUCH_LATER)
    assert loaded.registry.problems == ()
    assert loaded.registry.refused_at is None
    loaded.files.text = BROKEN
    loaded.registry.poll(MUCH_LATER)
    assert loaded.told() == ["policy.loaded", "policy.refused", "policy.refused"]


def test_a_file_that_is_gone_is_refused(loaded: Scene) -> None:
    gone = PolicyProblem("policy.yaml", 1, 1, "unreadable", "can't be read")
    loaded.files.error = PolicyInvalid((gone,))
    assert not loaded.registry.poll(LATER)
    assert not loaded.registry.poll(MUCH_LATER)
    assert loaded.registry.problems == (gone,)
    assert loaded.rows.events[-1].policy_digest is None
    assert loaded.told() == ["policy.loaded", "policy.refused"]
    loaded.files.error = None
    loaded.files.text = OTHER
    assert loaded.registry.poll(MUCH_LATER)


def test_a_cluster_in_which_grants_live_can_not_be_taken_out(loaded: Scene) -> None:
    loaded.rows.live = [Living("gra-2", "prod"), Living("gra-1", "prod")]
    loaded.files.text = WITHOUT_PROD
    assert not loaded.registry.poll(LATER)
    (problem,) = loaded.registry.problems
    assert problem.code == "cluster-live"
    assert problem.message == (
        "cluster `prod` is gone from the policy, but grants live there: gra-1, gra-2"
    )
    assert loaded.registry.current().cluster("prod") is not None


def test_many_grants_are_named_as_far_as_people_read(loaded: Scene) -> None:
    loaded.rows.live = [Living(f"gra-{i:02}", "prod") for i in range(25)]
    loaded.files.text = WITHOUT_PROD
    loaded.registry.poll(LATER)
    assert loaded.registry.problems[0].message.endswith("gra-19 and 5 more")


def test_a_cluster_goes_once_its_last_grant_has_ended(loaded: Scene) -> None:
    loaded.rows.live = [Living("gra-1", "prod")]
    loaded.files.text = WITHOUT_PROD
    loaded.registry.poll(LATER)
    assert not loaded.registry.poll(LATER), "still held, and told once"
    assert loaded.told() == ["policy.loaded", "policy.refused"]
    loaded.rows.live = []
    assert loaded.registry.poll(MUCH_LATER)
    assert loaded.registry.current().cluster("prod") is None
    assert loaded.registry.problems == ()


def test_an_entitlement_may_go_while_its_grants_live(loaded: Scene) -> None:
    loaded.rows.live = [Living("gra-1", "prod")]
    loaded.files.text = changed(("name: view-shop", "name: view-other"))
    assert loaded.registry.poll(LATER)


def test_a_database_that_is_down_changes_nothing_and_is_tried_again(loaded: Scene) -> None:
    for text in (OTHER, BROKEN):
        loaded.files.text = text
        loaded.rows.down = True
        with pytest.raises(StoreUnavailable):
            loaded.registry.poll(LATER)
        assert loaded.described() == "Look at the shop"
        assert loaded.told() == ["policy.loaded"]
        loaded.rows.down = False
        loaded.files.text = VALID
        loaded.registry.poll(LATER)
    loaded.files.text = OTHER
    assert loaded.registry.poll(MUCH_LATER)


def test_groups_that_never_signed_in_are_warned_of(scene: Scene) -> None:
    scene.rows.groups = frozenset({"admins"})
    scene.registry.load(NOW)
    assert [problem.code for problem in scene.registry.warnings] == ["unknown-group"] * 2
    assert scene.rows.events[0].facts["warnings"] == 2


def test_many_threads_see_one_version_loaded_once(scene: Scene) -> None:
    scene.registry.load(NOW)
    scene.files.text = OTHER
    with ThreadPoolExecutor(8) as pool:
        changes = list(pool.map(lambda _: scene.registry.poll(LATER), range(40)))
    assert changes.count(True) == 1
    assert scene.told() == ["policy.loaded", "policy.loaded"]
