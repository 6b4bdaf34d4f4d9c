"""Reviews: what is asked about rights and tokens, and never stored."""

from typing import TYPE_CHECKING, Any, Final

from bot.playground.cluster.accounts import ISSUER
from bot.playground.cluster.authenticating import Authenticator
from bot.playground.cluster.authorizing import Authorizer, User, missing_role
from bot.playground.cluster.faults import bad_request, invalid, not_valid, required
from bot.playground.cluster.kinds import AUTHENTICATION, AUTHORIZATION, Json, Review
from bot.playground.cluster.meta import rfc3339
from grants.authz.model import Question
from grants.authz.objects import MASTERS
from grants.authz.rbac import Rbac

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERYTHING: Final = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


class Reviews:
    """Answers reviews."""

    def __init__(self, authorizer: Authorizer, authenticator: Authenticator) -> None:
        self._authorizer = authorizer
        self._authenticator = authenticator

    async def answer(self, review: Review, user: User, namespace: str, body: Json) -> Json:
        """Answer one; Fault when it is not asked as it must be."""
        if review.kind == "TokenReview":
            return await self._token(review, body)
        ways: dict[str, Callable[[Review, User, str, Json], Json]] = {
            "SelfSubjectReview": self._self,
            "SelfSubjectAccessReview": self._self_access,
            "SubjectAccessReview": self._access,
            "LocalSubjectAccessReview": self._access,
            "SelfSubjectRulesReview": self._rules,
        }
        return ways[review.kind](review, user, namespace, body)

    def _self(self, review: Review, user: User, _namespace: str, _body: Json) -> Json:
        return _answered(
            review, {"metadata": {"creationTimestamp": rfc3339()}}, {"userInfo": user.as_info()}
        )

    def _self_access(self, review: Review, user: User, _namespace: str, body: Json) -> Json:
        spec = body.get("spec") or {}
        _require_attributes(review, spec)
        return _answered(review, body, self._status(user, _question(spec)))

    def _access(self, review: Review, _user: User, namespace: str, body: Json) -> Json:
        spec = body.get("spec") or {}
        if review.namespaced:
            _require_local(review, spec, namespace)
        _require_attributes(review, spec)
        if not spec.get("user") and not spec.get("groups"):
            wrong = required("spec.user", "at least one of user or group must be specified")
            raise not_valid(review.kind, AUTHORIZATION, "", [wrong])
        asked = User(spec.get("user") or "", tuple(spec.get("groups") or ()))
        return _answered(review, body, self._status(asked, _question(spec)))

    def _status(self, user: User, question: Question) -> Json:
        verdict = self._authorizer.judge(user, question)
        status: Json = {"allowed": verdict.allowed}
        if verdict.reason:
            status["reason"] = verdict.reason
        return status

    def _rules(self, review: Review, user: User, _namespace: str, body: Json) -> Json:
        namespace = (body.get("spec") or {}).get("namespace") or ""
        if not namespace:
            raise bad_request("no namespace on request")
        rules = _rules_of(self._authorizer.rbac, user, namespace)
        if MASTERS in user.groups:
            rules = [*_EVERYTHING, *rules]
        status: Json = {
            "resourceRules": [_without_urls(rule) for rule in rules if rule.get("resources")],
            "nonResourceRules": [
                {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
                for rule in rules
                if rule.get("nonResourceURLs")
            ],
            "incomplete": False,
        }
        if errors := _dangling(self._authorizer.rbac, user, namespace):
            status["evaluationError"] = errors
        return _answered(review, {"spec": {}}, status)

    async def _token(self, review: Review, body: Json) -> Json:
        spec = body.get("spec") or {}
        if not spec.get("token"):
            raise not_valid(review.kind, AUTHENTICATION, "", [required("spec.token", "")])
        wanted = spec.get("audiences") or [ISSUER]
        user = await self._authenticator.known(spec["token"])
        if user is None or ISSUER not in wanted:
            error = "[invalid bearer token, unknown]"
            return _answered(review, body, {"user": {}, "error": error})
        status = {"authenticated": True, "user": user.as_info(), "audiences": [ISSUER]}
        return _answered(review, body, status)


def _answered(review: Review, body: Json, status: Json) -> Json:
    found = {
        "kind": review.kind,
        "apiVersion": f"{review.group}/{review.version}",
        "metadata": body.get("metadata") or {},
    }
    if "spec" in body:
        found["spec"] = body["spec"]
    return {**found, "status": status}


def _require_attributes(review: Review, spec: Json) -> None:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        wrong = invalid("spec.nonResourceAttributes", path, detail)
    elif resource is None and path is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        wrong = invalid("spec.resourceAttributes", None, detail)
    else:
        return
    raise not_valid(review.kind, AUTHORIZATION, "", [wrong])


def _require_local(review: Review, spec: Json, namespace: str) -> None:
    attributes = spec.get("resourceAttributes")
    if spec.get("nonResourceAttributes") is not None:
        wrong = invalid(
            "spec.nonResourceAttributes",
            spec["nonResourceAttributes"],
            "disallowed on this kind of request",
        )
    elif attributes is not None and attributes.get("namespace", "") != namespace:
        asked = attributes.get("namespace", "")
        raise bad_request(f"spec.resourceAttributes.namespace must match namespace: {asked}")
    else:
        return
    raise not_valid(review.kind, AUTHORIZATION, "", [wrong])


def _question(spec: Json) -> Question:
    if (path := spec.get("nonResourceAttributes")) is not None:
        return Question(path.get("verb") or "", path=path.get("path") or "")
    asked: dict[str, Any] = spec["resourceAttributes"]
    return Question(
        asked.get("verb") or "",
        asked.get("group") or "",
        asked.get("resource") or "",
        asked.get("subresource") or "",
        asked.get("name") or "",
        asked.get("namespace") or None,
    )


def _rules_of(rbac: Rbac, user: User, namespace: str) -> list[Json]:
    """Give every rule that a user holds in a namespace, as it stands in its role."""
    return [
        {
            key: list(values)
            for key, values in (
                ("verbs", rule.verbs),
                ("apiGroups", rule.api_groups),
                ("resources", rule.resources),
                ("resourceNames", rule.resource_names),
                ("nonResourceURLs", rule.non_resource_urls),
            )
            if values
        }
        for rule in rbac.rules_in(user.caller, namespace)
    ]


def _without_urls(rule: Json) -> Json:
    return {key: value for key, value in rule.items() if key != "nonResourceURLs"}


def _dangling(rbac: Rbac, user: User, namespace: str) -> str:
    missing = [
        missing_role(binding.role.kind, binding.role.name)
        for binding in rbac.bindings
        if binding.namespace in {None, namespace}
        and rbac.role_of(binding) is None
        and any(one.name == user.name for one in binding.subjects)
    ]
    return ", ".join(missing)
