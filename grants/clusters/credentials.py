"""Loads how to reach a cluster, by the official client's own loaders.

They know every form that kubectl knows: tokens, token files, client certificates, exec plugins,
the pod's service account (whose token file is read again as it rotates).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kubernetes import client, config
from kubernetes.config import incluster_config, kube_config

from grants.clusters.config import ClusterConfig, is_safe_url
from grants.clusters.failures import clean
from grants.clusters.plugin import bounded
from grants.clusters.sockets import socket_options
from grants.errors import ClusterUnavailable
from grants.proxies import Proxy, read_proxy

_ACTION: Final = "load credentials"
_LOADERS: Final[Any] = config  # the client ships no types
_KUBECONFIGS: Final[Any] = kube_config
_FILES_OF_CLUSTER: Final = ("certificate-authority",)
_FILES_OF_USER: Final = ("tokenFile", "client-certificate", "client-key")

Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Loaded:
    """The client's Configuration, the proxy that the kubeconfig names, and what it was read from.

    `stamp` tells by its change that a file was replaced.
    """

    configuration: Any
    proxy: Proxy | None
    files: tuple[Path, ...]
    stamp: Stamp

    def is_stale(self) -> bool:
        """Tell whether one of the files is another one than was read."""
        return _stamp_of(self.files) != self.stamp


def load(cluster: ClusterConfig) -> Loaded:
    """Load how to reach a cluster; ClusterUnavailable says what is missing or not safe."""
    made = client.Configuration()
    try:
        loaded = _from_pod(made) if cluster.in_cluster else _from_kubeconfig(made, cluster)
    except config.ConfigException as error:
        raise ClusterUnavailable(cluster.alias, _ACTION, clean(str(error))) from None
    except _NotSafeError as error:
        raise ClusterUnavailable(cluster.alias, _ACTION, str(error)) from None
    except Exception as error:  # noqa: BLE001 - the loaders let YAML's, base64's and the system's errors through; none may quote the file, which holds keys
        raise ClusterUnavailable(cluster.alias, _ACTION, type(error).__name__) from None
    problem = _problem(made)
    if problem:
        raise ClusterUnavailable(cluster.alias, _ACTION, problem)
    # Else urllib3 repeats GET, PUT and DELETE three times, each with its own time-outs.
    made.retries = False
    made.connection_pool_maxsize = cluster.connections
    made.socket_options = socket_options(cluster.times.connect + cluster.times.read)
    return loaded


class _NotSafeError(Exception):
    pass


def _from_pod(made: Any) -> Loaded:
    files = (
        Path(incluster_config.SERVICE_TOKEN_FILENAME),
        Path(incluster_config.SERVICE_CERT_FILENAME),
    )
    stamp = _stamp_of(files)
    _LOADERS.load_incluster_config(client_configuration=made)
    return Loaded(made, None, files, stamp)


def _from_kubeconfig(made: Any, cluster: ClusterConfig) -> Loaded:
    path = cluster.kubeconfig or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    # Taken before the files are read: one that is replaced meanwhile is seen to be another.
    main = () if cluster.kubeconfig is None else (cluster.kubeconfig,)
    before = _stamp_of(main)
    merged = _KUBECONFIGS.KubeConfigMerger(str(path))
    if merged.config is None:
        raise config.ConfigException("no kubeconfig there")
    if cluster.times.plugin is not None:
        _bound_plugins(merged.config, cluster.times.plugin.total_seconds())
    # A bot never writes into its operator's kubeconfig, so there is nothing that persists.
    loader = _KUBECONFIGS.KubeConfigLoader(
        config_dict=merged.config, active_context=cluster.context, config_base_path=None
    )
    there = _nodes(merged.config, loader.current_context["context"])
    others = tuple(_files_of(there))
    stamp = before + _stamp_of(others)
    loader.load_and_set(made)
    return Loaded(made, _proxy_of(there[0]), main + others, stamp)


def _nodes(merged: Any, context: Any) -> tuple[Any, Any]:
    """Give the context's cluster and user, as the file has them."""
    cluster = merged["clusters"].get_with_name(context["cluster"])["cluster"]
    named = context.get("user")
    users = merged["users"] if named and merged.safe_get("users") else None
    user = users.get_with_name(named, safe=True) if users else None
    return cluster, user["user"] if user else None


def _files_of(nodes: tuple[Any, Any]) -> Iterator[Path]:
    for node, names in zip(nodes, (_FILES_OF_CLUSTER, _FILES_OF_USER), strict=True):
        for name in names:
            found = node.safe_get(name) if node is not None else None
            if found:
                yield Path(node.path).parent / str(found)


def _proxy_of(cluster: Any) -> Proxy | None:
    text = cluster.safe_get("proxy-url")
    try:
        return read_proxy(str(text)) if text else None
    except ValueError as error:
        raise _NotSafeError(f"proxy-url: {error}") from None


def _bound_plugins(merged: Any, within_seconds: float) -> None:
    """Have every credential plugin end in time; the file itself stays as it is."""
    for node in merged.safe_get("users") or []:
        plugin = (node.value.get("user") or {}).get("exec")
        if isinstance(plugin, dict) and plugin.get("command"):
            plugin["command"], plugin["args"] = bounded(
                str(plugin["command"]), [str(a) for a in plugin.get("args") or ()], within_seconds
            )


def _stamp_of(files: tuple[Path, ...]) -> Stamp:
    return tuple(_stamp_of_one(path) for path in files)


def _stamp_of_one(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()  # through links: a mounted Secret is replaced by turning one
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _problem(made: Any) -> str:
    if not is_safe_url(made.host):
        return "the server's address is not https"
    if not made.verify_ssl:
        # Whoever stands in between could answer "gone" and "denied".
        return "insecure-skip-tls-verify is not accepted"
    if not made.api_key and not made.cert_file:
        return "no credential: the user has no token and no certificate, or its exec plugin failed"
    return ""
