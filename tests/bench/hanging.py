"""A second cluster behind a relay that can stall, with grants in it that are due too."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import yaml

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.relay import Relay
from tests.bench.bound import bind
from tests.bench.endings import standing_still
from tests.bench.rows import Pattern, store_active
from tests.replicas.stage import Stage
from tests.support.shipped import bot_kubeconfig

ALIAS: Final = "hangs"


def join(stage: Stage, plane: ControlPlane, relay: Relay) -> None:
    """Name the second cluster in the bot's files: it is reached through the relay alone."""
    path = bot_kubeconfig(plane, stage.folder / "second.kubeconfig")
    kubeconfig: dict[str, Any] = yaml.safe_load(path.read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    path.write_text(yaml.safe_dump(kubeconfig))
    clusters = stage.folder / "clusters.yaml"
    named = yaml.safe_load(clusters.read_text())
    named["clusters"][ALIAS] = {"kubeconfig": "second.kubeconfig"}
    clusters.write_text(yaml.safe_dump(named))
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": stage.namespaces[0]}}
    plane.admin_request("POST", "/api/v1/namespaces", body)


def occupy(stage: Stage, plane: ControlPlane, patterns: list[Pattern], count: int) -> None:
    """Have grants in the second cluster that end, one after the other, while it hangs."""
    with standing_still(stage):
        now = datetime.now(UTC)
        installation = stage.store.installation()
        bound = bind(plane, stage.namespaces[0], count, now + timedelta(hours=1), installation)
        uid = plane.admin_request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        for number, one in enumerate(bound):
            expires = now + timedelta(seconds=20 + number)
            store_active(stage.store, patterns, [one], expires, cluster=(ALIAS, uid))
