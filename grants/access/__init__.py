"""From request over approvals and grant to ended: the state machines and the verbs."""
