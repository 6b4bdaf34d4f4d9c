"""What a review may hear of a cluster between two scans: that rights changed, as a hint."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RightsChange:
    """An account, role or binding that came, changed or went. What it is now, a scan says."""

    kind: str
    name: str
    namespace: str = ""
