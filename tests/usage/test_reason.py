"""What an API server says of why something was allowed."""

import pytest

from grants.authz.model import RoleRef
from grants.authz.objects import Subject
from grants.usage.reason import Through, parse_reason

SAID = "RBAC: allowed by "


@pytest.mark.parametrize(
    ("reason", "through"),
    [
        (
            'RoleBinding "web/shop" of Role "reader" to ServiceAccount "web/shop"',
            Through(
                "RoleBinding",
                "web",
                "shop",
                RoleRef("Role", "reader"),
                Subject("ServiceAccount", "web", "shop"),
            ),
        ),
        (
            'RoleBinding "a:b c/shop" of ClusterRole "view" to User "oidc:ada"',
            Through(
                "RoleBinding",
                "a:b c",
                "shop",
                RoleRef("ClusterRole", "view"),
                Subject("User", "oidc:ada"),
            ),
        ),
        (
            'ClusterRoleBinding "all" of ClusterRole "x" to Group "a\\"b\\\\c\\u200bd\\x07\\t"',
            Through(
                "ClusterRoleBinding",
                "all",
                "",
                RoleRef("ClusterRole", "x"),
                Subject("Group", 'a"b\\c\u200bd\x07\t'),
            ),
        ),
        (
            'ClusterRoleBinding "ü" of ClusterRole "c" to Group "\\U0001F600\\UFFFFFFFF"',
            Through(
                "ClusterRoleBinding",
                "ü",
                "",
                RoleRef("ClusterRole", "c"),
                Subject("Group", "\U0001f600\ufffd"),
            ),
        ),
    ],
)
def test_the_binding_its_role_and_its_subject_are_read(reason, through):
    assert parse_reason(SAID + reason) == through


@pytest.mark.parametrize(
    "reason",
    ["", "webhook said so", SAID, f'{SAID}RoleBinding "a/b" of Role "c" to User d', "allowed by x"],
)
def test_where_no_binding_is_named_there_is_none(reason):
    assert parse_reason(reason) is None


def test_a_binding_is_written_as_people_say_it():
    through = parse_reason(f'{SAID}RoleBinding "web/shop" of Role "r" to User "u"')
    assert str(through) == "RoleBinding shop/web"
