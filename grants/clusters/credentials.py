"""Loads how to reach a cluster, by the official client's own loaders.

They know every form that kubectl knows: tokens, token files, client certificates, exec plugins,
the pod's service account (whose token file is read again as it rotates).
"""

from typing import Any, Final

from kubernetes import client, config

from grants.clusters.config import ClusterConfig, is_safe_url
from grants.clusters.failures import clean
from grants.errors import ClusterUnavailable

_ACTION: Final = "load credentials"
_SHARERS: Final = 4
_LOADERS: Final[Any] = config  # the client ships no types


def load(cluster: ClusterConfig) -> Any:
    """Give the client's Configuration; ClusterUnavailable says what is missing or not safe."""
    made = client.Configuration()
    try:
        _load_into(made, cluster)
    except config.ConfigException as error:
        raise ClusterUnavailable(cluster.alias, _ACTION, clean(str(error))) from None
    except Exception as error:  # noqa: BLE001 - the loaders let YAML's, base64's and the system's errors through; none may quote the file, which holds keys
        raise ClusterUnavailable(cluster.alias, _ACTION, type(error).__name__) from None
    problem = _problem(made)
    if problem:
        raise ClusterUnavailable(cluster.alias, _ACTION, problem)
    # Else urllib3 repeats GET, PUT and DELETE three times, each with its own time-outs.
    made.retries = False
    # Questions, lookups and the worker share a server's pool; above it urllib3 warns and drops.
    made.connection_pool_maxsize = cluster.pool_size * _SHARERS
    return made


def _load_into(made: Any, cluster: ClusterConfig) -> None:
    if cluster.in_cluster:
        _LOADERS.load_incluster_config(client_configuration=made)
        return
    path = None if cluster.kubeconfig is None else str(cluster.kubeconfig)
    _LOADERS.load_kube_config(
        config_file=path,
        context=cluster.context,
        client_configuration=made,
        # A bot never writes into its operator's kubeconfig.
        persist_config=False,
    )


def _problem(made: Any) -> str:
    if not is_safe_url(made.host):
        return "the server's address is not https"
    if not made.verify_ssl:
        # Whoever stands in between could answer "gone" and "denied".
        return "insecure-skip-tls-verify is not accepted"
    if not made.api_key and not made.cert_file:
        return "no credential: the user has no token and no certificate, or its exec plugin failed"
    return ""
