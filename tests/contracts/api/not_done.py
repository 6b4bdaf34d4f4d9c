"""What the embedded API does not do, on purpose: no test here asks for it, and the docs list it."""

from typing import Final

NOT_DONE: Final[dict[str, str]] = {
    "other resources": (
        "only namespaces, pods, service accounts, RBAC's four kinds and the reviews are there: "
        "nothing of apps or batch, no Secrets, ConfigMaps, Events, Leases or Nodes"
    ),
    "pods that run": "a pod is an object alone: nothing schedules it, its spec gets few defaults",
    "streams": "no exec, attach, port-forward, logs or proxy",
    "admission": "no admission policies or webhooks, no quotas, no pod security, no limits",
    "custom resources": "no CustomResourceDefinitions and no aggregated API servers",
    "managed fields": "who owns which field is not kept: server-side apply never conflicts",
    "old versions": "a list or a read at an old resourceVersion is answered as of now",
    "flow control": "no priority and fairness: nobody is told to come later",
    "protobuf and CBOR": "answers are JSON alone",
    "garbage collection": "owners are kept as they are written, and nothing is collected by them",
    "constrained impersonation": "who may impersonate may all that the other may",
}
"""One name and one sentence each."""
