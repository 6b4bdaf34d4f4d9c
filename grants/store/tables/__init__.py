"""The tables. Constraints repeat the vital rules of the models, so that no bug can break them.

Names and emails, reasons, terms and proofs stand in tables apart from `events`, which hold ids
and digests only: erasing a text never touches the log.
"""

from grants.store.tables.access import (
    clusters,
    decisions,
    grants,
    items,
    proofs,
    requests,
    roles,
    subject_names,
)
from grants.store.tables.base import metadata
from grants.store.tables.inventory import inventory_looks, inventory_objects
from grants.store.tables.people import (
    accounts,
    attempts,
    emails,
    people,
    profiles,
    sessions,
    sign_ins,
)
from grants.store.tables.record import (
    deliveries,
    delivery_holds,
    events,
    inbound,
    installation,
    policies,
    record_order,
    schema_fits,
)
from grants.store.tables.review import review_answers, review_details, review_findings
from grants.store.tables.usage import usage, usage_hours, usage_losses, usage_months

__all__ = [
    "accounts",
    "attempts",
    "clusters",
    "decisions",
    "deliveries",
    "delivery_holds",
    "emails",
    "events",
    "grants",
    "inbound",
    "installation",
    "inventory_looks",
    "inventory_objects",
    "items",
    "metadata",
    "people",
    "policies",
    "profiles",
    "proofs",
    "record_order",
    "requests",
    "review_answers",
    "review_details",
    "review_findings",
    "roles",
    "schema_fits",
    "sessions",
    "sign_ins",
    "subject_names",
    "usage",
    "usage_hours",
    "usage_losses",
    "usage_months",
]
