"""What is made quickly is what the classes themselves make."""

from dataclasses import fields
from datetime import UTC, datetime

from grants.authz.model import Rule
from grants.authz.objects import Meta, Origin
from grants.review.reading.quick import make_meta, make_origin, make_rule

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_quick_values_are_equal_to_slow_ones_and_have_every_field() -> None:
    origin = make_origin("a.yaml", 7, "b")
    meta = make_meta("a", "b", "c", NOW, {"d": "e"}, {}, origin)
    rule = make_rule(("get",), ("",), ("pods",), ("x",), ("/y",))
    assert origin == Origin("a.yaml", 7, "b")
    assert meta == Meta("a", "b", "c", NOW, {"d": "e"}, {}, origin)
    assert rule == Rule(("get",), ("",), ("pods",), ("x",), ("/y",))
    assert hash(rule) == hash(Rule(("get",), ("",), ("pods",), ("x",), ("/y",)))
    for made in (origin, meta, rule):
        assert all(hasattr(made, field.name) for field in fields(made))
    assert [len(fields(kind)) for kind in (Origin, Meta, Rule)] == [3, 7, 5]
