"""What the design rests on, asked of the real API server: were one of these to change with a new
release, this is where it shows.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from bot.playground.controlplane.client import Answer
from bot.playground.scene import bot_token
from grants.access.cluster_port import BindingPlace
from grants.clusters import labels
from tests.support.cluster_lab import (
    RBAC,
    VIEW,
    RealLab,
    binding_path,
    eventually_allowed,
    new_person,
    wish_for,
)

EXPIRES = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def as_bot(lab: RealLab, method: str, path: str, body: object = None) -> Answer:
    """Ask with the bot's own token, without the adapter."""
    return lab.plane.request(method, path, body, token=bot_token(lab.plane))


def filled(lab: RealLab) -> tuple[BindingPlace, dict[str, Any]]:
    """A filled binding of ours, as the API server gives it."""
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.cluster.fill(made, wish, EXPIRES)
    return wish.place, lab.plane.admin_request("GET", binding_path(wish.place))


def test_a_put_without_the_uid_brings_a_deleted_binding_back(lab: RealLab) -> None:
    """The reason why every PUT of ours carries the uid."""
    place, manifest = filled(lab)
    lab.remove_binding(place)
    manifest["metadata"].pop("uid")
    assert as_bot(lab, "PUT", binding_path(place), manifest).status == HTTPStatus.CREATED


def test_a_put_with_the_uid_of_a_deleted_binding_is_a_conflict(lab: RealLab) -> None:
    place, manifest = filled(lab)
    lab.remove_binding(place)
    assert as_bot(lab, "PUT", binding_path(place), manifest).status == HTTPStatus.CONFLICT
    assert lab.cluster.binding(place) is None


def test_a_delete_with_another_uid_is_a_conflict(lab: RealLab) -> None:
    place, _ = filled(lab)
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "another"},
    }
    assert as_bot(lab, "DELETE", binding_path(place), options).status == HTTPStatus.CONFLICT


def test_a_dry_run_in_the_query_of_a_delete_with_a_body_really_deletes(lab: RealLab) -> None:
    """The reason why a dry run must stand in the body."""
    place, manifest = filled(lab)
    uid = manifest["metadata"]["uid"]
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
    dry = options | {"dryRun": ["All"]}
    assert as_bot(lab, "DELETE", binding_path(place), dry).status == HTTPStatus.OK
    assert lab.cluster.binding(place) is not None
    path = f"{binding_path(place)}?dryRun=All"
    assert as_bot(lab, "DELETE", path, options).status == HTTPStatus.OK
    assert lab.cluster.binding(place) is None


def test_a_dry_run_of_a_create_makes_nothing(lab: RealLab) -> None:
    place, manifest = filled(lab)
    lab.remove_binding(place)
    manifest["metadata"] = {"name": place.name}
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings?dryRun=All"
    assert as_bot(lab, "POST", path, manifest).status == HTTPStatus.CREATED
    assert lab.cluster.binding(place) is None


def test_even_a_label_needs_bind(lab: RealLab) -> None:
    person = new_person()
    place = BindingPlace("to-admin", lab.namespace)
    lab.put_binding(place, VIEW, (f"User:{person}",))
    manifest = lab.plane.admin_request("GET", binding_path(place))
    manifest["metadata"]["labels"] = {"a": "b"}
    assert as_bot(lab, "PUT", binding_path(place), manifest).status == HTTPStatus.OK
    lab.remove_binding(place)

    admin = {**manifest, "metadata": {"name": place.name}}
    admin["roleRef"] = {**manifest["roleRef"], "name": "admin"}
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings"
    made = lab.plane.admin_request("POST", path, admin)
    made["metadata"]["labels"] = {"a": "b"}
    assert as_bot(lab, "PUT", binding_path(place), made).status == HTTPStatus.FORBIDDEN


def test_what_others_put_into_a_binding_is_kept(lab: RealLab) -> None:
    place, _ = filled(lab)
    lab.patch(
        place,
        {"metadata": {"labels": {"team": "blue"}, "annotations": {"example.com/note": "kept"}}},
    )
    found = lab.cluster.binding(place)
    assert found is not None
    lab.cluster.empty(found)
    meta = lab.plane.admin_request("GET", binding_path(place))["metadata"]
    assert meta["labels"]["team"] == "blue"
    assert meta["annotations"]["example.com/note"] == "kept"
    assert meta["annotations"][labels.EXPIRES_ANNOTATION] == "2031-05-06T07:08:09Z"


def test_a_binding_says_on_its_face_what_it_is_for(lab: RealLab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.cluster.fill(made, wish, EXPIRES)
    meta = lab.plane.admin_request("GET", binding_path(wish.place))["metadata"]
    assert meta["labels"] == {
        "app.kubernetes.io/managed-by": "valetkey",
        "valetkey.dev/installation": lab.installation,
        "valetkey.dev/grant": wish.grant,
    }
    assert meta["annotations"] == {
        "valetkey.dev/grant": wish.grant,
        "valetkey.dev/expires-at": "2031-05-06T07:08:09Z",
        "valetkey.dev/requester": wish.requester,
        "valetkey.dev/approvers": ",".join(wish.approvers),
    }


@pytest.mark.parametrize(
    "text", ["soon", "2031-05-06", "2031-05-06T07:08:09", "2031-99-06T07:08:09Z"]
)
def test_an_expiry_that_is_no_time_is_none(lab: RealLab, text: str) -> None:
    place, _ = filled(lab)
    lab.patch(place, {"metadata": {"annotations": {labels.EXPIRES_ANNOTATION: text}}})
    found = lab.cluster.binding(place)
    assert found is not None
    assert found.expires_at is None


def test_many_bindings_are_listed_page_by_page(
    lab: RealLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grants.clusters.api.PAGE_ITEMS", 3)
    made = {lab.cluster.create_empty(wish_for(lab, new_person())) for _ in range(7)}
    listed = {b for b in lab.cluster.managed_bindings() if b.place.namespace == lab.namespace}
    assert listed == made
    assert set(lab.cluster.namespaces()) > {lab.namespace, "kube-system"}


def test_names_of_roles_may_hold_nearly_anything(lab: RealLab) -> None:
    name = "it's a: “role” 100% no?"
    with pytest.raises(Exception, match="422"):
        lab.put_role(name, ())
    ref = lab.put_role("it's a: “role” no?#", ())
    read = lab.cluster.role(ref, lab.namespace)
    assert read is not None
    assert read.rules == ()


def test_a_person_with_two_grants_is_allowed_by_either(lab: RealLab) -> None:
    person = new_person()
    wishes = [wish_for(lab, person) for _ in range(2)]
    for wish in wishes:
        made = lab.cluster.create_empty(wish)
        assert made is not None
        lab.cluster.fill(made, wish, EXPIRES)
    reason = eventually_allowed(lab, person).reason
    assert any(wish.place.name in reason for wish in wishes)
