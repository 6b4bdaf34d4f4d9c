"""Reviews: what is asked about rights and tokens, and never stored."""

from typing import TYPE_CHECKING, Any, Final

from bot.playground.cluster.accounts import ISSUER
from bot.playground.cluster.authenticating import Authenticator
from bot.playground.cluster.authorizing import Authorizer, User
from bot.playground.cluster.faults import (
    Wrong,
    bad_request,
    invalid,
    joined,
    not_valid,
    required,
)
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
        _require(_wrong_attributes(spec))
        return _answered(review, body, self._status(user, _question(spec)))

    def _access(self, review: Review, _user: User, namespace: str, body: Json) -> Json:
        spec = body.get("spec") or {}
        wrongs = _wrong_attributes(spec)
        if not spec.get("user") and not spec.get("groups"):
            detail = "at least one of user or group must be specified"
            wrongs.append(invalid("spec.user", "", detail))
        wrongs += _wrong_metadata(body.get("metadata") or {})
        if review.namespaced:
            wrongs += _wrong_place(spec, namespace)
        _require(wrongs)
        asked = User(spec.get("user") or "", tuple(spec.get("groups") or ()))
        answer = _answered(review, body, self._status(asked, _question(spec)))
        return answer | {"metadata": {"namespace": namespace}} if review.namespaced else answer

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
        if missing := self._authorizer.missing_roles(user, namespace):
            status["evaluationError"] = joined(missing)
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


def _require(wrongs: list[Wrong]) -> None:
    if wrongs:
        # The kind's name gets lost on the way, in a real one too.
        raise not_valid("", AUTHORIZATION, "", wrongs)


def _wrong_attributes(spec: Json) -> list[Wrong]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) is not (path is None):
        return []
    detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    shown = path and {"Path": path.get("path", ""), "Verb": path.get("verb", "")}
    return [invalid("spec", shown, detail)]


def _wrong_metadata(meta: Json) -> list[Wrong]:
    said = {key: value for key, value in meta.items() if value and key != "namespace"}
    return [invalid("metadata", said, "must be empty")] if said else []


def _wrong_place(spec: Json, namespace: str) -> list[Wrong]:
    if spec.get("nonResourceAttributes") is not None:
        detail = "disallowed on this kind of request"
        return [invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], detail)]
    asked = (spec.get("resourceAttributes") or {}).get("namespace", "")
    if asked == namespace:
        return []
    detail = "must match metadata.namespace"
    return [invalid("spec.resourceAttributes.namespace", asked, detail)]


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
