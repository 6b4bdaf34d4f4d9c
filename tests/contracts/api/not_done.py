"""What the embedded API does not do, on purpose: no test here asks for it, and the docs list it."""

from typing import Final

NOT_DONE: Final = (
    "Pods that run",
    "Admission",
    "Custom resources",
    "Managed fields",
    "Owners",
    "Caches",
    "Several servers",
    "Flow control, priorities, protobuf and CBOR in answers, versions of the API before v1.",
)
"""The heads of the list in docs/embedded-cluster.md, which says what each comes to."""
