"""What every cluster gives to every service account, for reading files that do not say so."""

from typing import Final

from grants.authz.model import RoleRef, Rule
from grants.authz.rbac import Rbac

_GET: Final = ("get",)
_CREATE: Final = ("create",)

DEFAULTS: Final[dict[str, tuple[Rule, ...]]] = {
    "system:discovery": (
        Rule(
            _GET,
            non_resource_urls=(
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/healthz",
                "/livez",
                "/openapi",
                "/openapi/*",
                "/readyz",
                "/version",
                "/version/",
            ),
        ),
    ),
    "system:basic-user": (
        Rule(
            _CREATE,
            ("authorization.k8s.io",),
            ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        ),
        Rule(_CREATE, ("authentication.k8s.io",), ("selfsubjectreviews",)),
    ),
    "system:service-account-issuer-discovery": (
        Rule(
            _GET,
            non_resource_urls=(
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration/",
                "/openid/v1/jwks",
                "/openid/v1/jwks/",
            ),
        ),
    ),
}


def default_rules(rbac: Rbac) -> tuple[Rule, ...]:
    """Give what API servers create at their start, unless the objects say what became of it.

    Whoever reads a cluster sees these roles, or that somebody took them away; files of an
    application never hold them.
    """
    if any(_is_default(role.ref) or role.meta.uid for role in rbac.roles):
        return ()
    return tuple(rule for rules in DEFAULTS.values() for rule in rules)


def _is_default(ref: RoleRef) -> bool:
    return ref.kind == "ClusterRole" and ref.name in DEFAULTS
