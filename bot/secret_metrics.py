"""How replaced secrets fare, in figures; never their values."""

from prometheus_client import CollectorRegistry, Counter


class SecretCounter:
    """Counts secrets that were replaced; its name is a contract, as all metrics' are."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._replaced = Counter(
            "valetkey_secrets_replaced",
            "Secrets whose file changed while the process ran.",
            ["secret", "outcome"],
            registry=registry,
        )

    def replaced(self, secret: str, outcome: str) -> None:
        """Count one."""
        self._replaced.labels(secret, outcome).inc()
