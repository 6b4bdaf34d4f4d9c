"""The bot's own credential on a real control plane: what `deploy/` ships, and nothing more."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

from bot.playground.controlplane.config import bearer
from bot.playground.plane import Plane
from bot.playground.scene import bot_token
from deploy import manifests

BOT_NAMESPACE = "valetkey"


def apply(plane: Plane, objects: tuple[dict[str, Any], ...]) -> None:
    """Create every object, or replace it where it stands already: a tiny `kubectl apply`."""
    for manifest in objects:
        path = manifests.collection_path(manifest)
        made = plane.request("POST", path, manifest, token=plane.admin_token)
        if made.status == HTTPStatus.CONFLICT and manifest["kind"] not in {"Service", "Namespace"}:
            plane.admin_request("PUT", f"{path}/{manifest['metadata']['name']}", manifest)
        elif made.status not in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
            raise AssertionError(made.body)


def bot_kubeconfig(plane: Plane, path: Path) -> Path:
    """Apply the shipped RBAC and write a kubeconfig of the bot's service account to `path`."""
    apply(plane, manifests.rbac())
    return plane.write_kubeconfig(path, bearer(bot_token(plane)))
