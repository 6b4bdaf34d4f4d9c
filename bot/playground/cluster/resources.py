"""Requests on what is stored: which object, which verb, and what is answered."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from bot.playground.cluster.admission import require_deletable
from bot.playground.cluster.applying import APPLY, Applier
from bot.playground.cluster.asking import Asked, read_body, read_json
from bot.playground.cluster.authorizing import Authorizer, User, refusal
from bot.playground.cluster.bodies import (
    checked,
    checked_patch,
    delete_options,
    is_dry_run,
    read_object,
    require_manager,
)
from bot.playground.cluster.faults import (
    Fault,
    bad_request,
    method_not_allowed,
    not_found,
    patch_type_not_supported,
)
from bot.playground.cluster.kinds import Json, Kind, Review
from bot.playground.cluster.patches import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    json_patched,
    merged,
    strategic,
)
from bot.playground.cluster.reading import flag, list_options, read_list, too_large, version_number
from bot.playground.cluster.representing import form_of, media_type, one, several
from bot.playground.cluster.store import Store
from bot.playground.cluster.validation import warnings_of
from bot.playground.cluster.watching import Watch
from bot.playground.cluster.writing import Place, Writer
from grants.authz.model import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATCHES: Final = (JSON_PATCH, MERGE, STRATEGIC, APPLY)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a body, or a watch that goes on."""

    code: int
    body: Json | None = None
    watch: Watch | None = None
    warnings: tuple[str, ...] = ()
    content_type: str = "application/json"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request on stored objects, by a user who may."""

    asked: Asked
    user: User
    place: Place
    body: bytes = b""
    query: dict[str, str] = field(default_factory=dict)


class Resources:
    """Answers requests on stored objects."""

    def __init__(self, store: Store, authorizer: Authorizer, writer: Writer) -> None:
        self._store = store
        self._authorizer = authorizer
        self._writer = writer
        self._applier = Applier(store, writer)
        self._on_one: Mapping[str, Callable[[Request], Answer]] = {
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        self._on_all: Mapping[str, Callable[[Request], Answer]] = {
            "GET": self._list,
            "HEAD": self._list,
            "POST": self._create,
            "DELETE": self._delete_all,
        }

    def answer(self, request: Request) -> Answer:
        """Answer; a Fault says no."""
        ways = self._on_one if request.place.name else self._on_all
        way = ways.get(request.asked.method)
        if way is None:
            raise method_not_allowed()
        return way(request)

    def _get(self, request: Request) -> Answer:
        place, query = request.place, request.query
        wanted = version_number(query.get("resourceVersion", ""))
        if wanted > self._store.revision:
            raise too_large(wanted, self._store.revision)
        found = self._store.get(place.kind, place.namespace, place.name)
        if found is None:
            raise not_found(place.kind, place.name)
        return self._one(request, HTTPStatus.OK, found)

    def _one(
        self, request: Request, code: int, found: Json, warnings: tuple[str, ...] = ()
    ) -> Answer:
        form = form_of(request.asked.header("accept"), several=False)
        include = request.query.get("includeObject", "")
        shown = one(form, request.place.kind, found, include)
        return Answer(code, shown, warnings=warnings)

    def _list(self, request: Request) -> Answer:
        place, query = request.place, request.query
        options = list_options(place.kind, query)
        form = form_of(request.asked.header("accept"), several=True)
        include = query.get("includeObject", "")
        if flag(query, "watch"):
            watch = Watch(self._store, place.kind, place.namespace, options, form, include)
            return Answer(HTTPStatus.OK, watch=watch)
        found, meta = read_list(self._store, place.kind, place.namespace, options)
        return Answer(HTTPStatus.OK, several(form, place.kind, found, meta, include))

    def _create(self, request: Request) -> Answer:
        place = request.place
        if place.kind.namespaced and not place.namespace:
            raise method_not_allowed()
        dry_run = is_dry_run(request.query, "CreateOptions")
        wanted, warnings = read_object(request.asked, request.body, place.kind)
        with _warning(warnings):
            made = self._writer.create(place, wanted, request.user, dry_run=dry_run)
        warnings = (*warnings, *warnings_of(place.kind, made))
        return self._one(request, HTTPStatus.CREATED, made, warnings)

    def _put(self, request: Request) -> Answer:
        place = request.place
        dry_run = is_dry_run(request.query, "UpdateOptions")
        wanted, warnings = read_object(request.asked, request.body, place.kind)
        stood = self._store.get(place.kind, place.namespace, place.name) is not None
        with _warning(warnings):
            if not stood:
                self._require_create(request)
            stored = self._writer.replace(place, wanted, request.user, dry_run=dry_run)
        code = HTTPStatus.OK if stood else HTTPStatus.CREATED
        return self._one(request, code, stored, warnings)

    def _require_create(self, request: Request) -> None:
        """Who makes something by PUT or apply needs the right to create, by its name."""
        place = request.place
        question = Question(
            "create",
            place.kind.group,
            place.kind.plural,
            "",
            place.name,
            place.namespace or None,
        )
        verdict = self._authorizer.judge(request.user, question)
        if not verdict.allowed:
            raise refusal(request.user, question, verdict.reason)

    def _patch(self, request: Request) -> Answer:
        place, asked = request.place, request.asked
        dry_run = is_dry_run(request.query, "PatchOptions")
        if media_type(asked.header("content-type"))[0] == APPLY:
            return self._apply(request, dry_run=dry_run)
        patch = read_patch(asked, request.body, place.kind)
        said: list[str] = []

        def edit(old: Json) -> Json:
            taken, warnings = patch(old)
            said.extend(warnings)
            return taken

        with _warning(said):
            stored = self._writer.change(place, edit, request.user, dry_run=dry_run)
        return self._one(request, HTTPStatus.OK, stored, tuple(said))

    def _apply(self, request: Request, *, dry_run: bool) -> Answer:
        place = request.place
        require_manager(request.asked)
        said, twice = read_body(request.asked, request.body, media="application/yaml")
        _require_applicable(place, said)
        wanted, warnings = checked(request.asked, said, place.kind, twice)
        stood = self._store.get(place.kind, place.namespace, place.name) is not None
        if not stood:
            self._require_create(request)
        stored = self._applier.apply(place, wanted, request.user, dry_run=dry_run)
        code = HTTPStatus.OK if stood else HTTPStatus.CREATED
        return self._one(request, code, stored, warnings)

    def _delete(self, request: Request) -> Answer:
        place = request.place
        options = delete_options(request.asked, request.body)
        require_deletable(place.kind, place.name)
        said, _gone = self._writer.delete(place, options)
        return self._one(request, HTTPStatus.OK, said)

    def _delete_all(self, request: Request) -> Answer:
        place = request.place
        beyond = place.kind.namespaced and not place.namespace
        if beyond or "deletecollection" not in place.kind.verbs:
            raise method_not_allowed()
        options = list_options(place.kind, request.query)
        how = delete_options(request.asked, request.body)
        found, meta = read_list(self._store, place.kind, place.namespace, options)
        for item in found:
            named = item["metadata"]
            where = Place(place.kind, named.get("namespace", ""), named["name"])
            self._writer.delete(where, how)
        form = form_of(request.asked.header("accept"), several=True)
        return Answer(HTTPStatus.OK, several(form, place.kind, found, meta))


@contextmanager
def _warning(texts: Sequence[str]) -> Iterator[None]:
    """Warn of what a body holds, whatever becomes of it."""
    try:
        yield
    except Fault as fault:
        fault.warnings = tuple(texts)
        raise


def read_patch(
    asked: Asked, body: bytes, kind: Kind | Review
) -> Callable[[Json], tuple[Json, tuple[str, ...]]]:
    """Read a patch; gives what it makes of an object, and what is to be warned of."""
    media = media_type(asked.header("content-type"))[0]
    if media not in _PATCHES:
        raise patch_type_not_supported()
    patch = read_json(body)
    if media == STRATEGIC and patch is None:
        patch = {}
    if media != JSON_PATCH and not isinstance(patch, dict):
        message = "json: cannot unmarshal array into Go value of type map[string]interface {}"
        raise bad_request(f"error decoding patch: {message}")

    def apply(old: Json) -> tuple[Json, tuple[str, ...]]:
        changed = _patched(media, old, patch)
        changed["metadata"] = changed.get("metadata") or {}
        _require_same_name(changed, old)
        return checked_patch(asked, changed, kind)

    return apply


def _require_applicable(place: Place, said: Json) -> None:
    """Raise a Fault (400) unless an object that is applied says which one it is."""
    version, kind = said.get("apiVersion") or "", said.get("kind") or ""
    if (version, kind) != (place.kind.api_version, place.kind.kind):
        group = version or "/"
        raise bad_request(f"invalid object type: {group}, Kind={kind}")
    if (said.get("metadata") or {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    name = (said.get("metadata") or {}).get("name") or ""
    if name and name != place.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({place.name})"
        )


def _patched(media: str, old: Json, patch: object) -> Json:
    if media == JSON_PATCH:
        return json_patched(old, patch)
    if media == STRATEGIC and isinstance(patch, dict):
        return strategic(old, patch)
    return dict(merged(old, patch))


def _require_same_name(changed: Json, old: Json) -> None:
    meta = changed["metadata"]
    now = meta.get("name") if isinstance(meta, dict) else ""
    was = old["metadata"]["name"]
    if now and now != was:
        raise bad_request(
            f"the name of the object ({now}) does not match the name on the URL ({was})"
        )
