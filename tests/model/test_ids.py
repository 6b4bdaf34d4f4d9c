"""Names of things: unguessable, and valid wherever Kubernetes takes a name."""

import re

import pytest

from grants.access.naming import binding_name
from grants.ids import Prefix, is_id, new_id

# A name of an object, and the value of a label (Kubernetes' own rules).
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@pytest.mark.parametrize("prefix", Prefix)
def test_an_id_is_a_kubernetes_name_and_known_by_its_prefix(prefix: Prefix) -> None:
    made = new_id(prefix)
    assert DNS_LABEL.fullmatch(made)
    assert is_id(made, prefix)
    assert not any(is_id(made, other) for other in Prefix if other is not prefix)


def test_ids_do_not_repeat() -> None:
    assert len({new_id(Prefix.REQUEST) for _ in range(2000)}) == 2000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "req-",
        "req-" + "a" * 25,
        "req-" + "a" * 27,
        "req-" + "A" * 26,
        "req-" + "1" * 26,
        "req-" + "a" * 26 + "\n",
        " req-" + "a" * 26,
        "req_" + "a" * 26,
        "req-" + "á" * 26,
        "gra-" + "a" * 26,
    ],
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert not is_id(text, Prefix.REQUEST)


def test_a_binding_is_named_for_its_installation_and_its_grant() -> None:
    """The name is found again after a crash, so it never changes for a grant."""
    grant, installation = "gra-" + "b" * 26, "inst-" + "a" * 26
    assert binding_name(installation, grant) == "valetkey-aaaaaaaa-gra-" + "b" * 26


def test_names_of_bindings_are_valid_and_apart() -> None:
    one, other = new_id(Prefix.INSTALLATION), new_id(Prefix.INSTALLATION)
    grants = [new_id(Prefix.GRANT) for _ in range(50)]
    names = {binding_name(where, grant) for where in (one, other) for grant in grants}
    assert len(names) == 100
    for name in names:
        assert len(name) <= 50
        assert DNS_LABEL.fullmatch(name)
