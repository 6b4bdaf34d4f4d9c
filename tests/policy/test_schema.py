"""The published JSON Schema: what it says is what is loaded."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from grants.policy.reasons import REASON_CODES
from grants.policy.schema import json_schema
from tests.support.policies import VALID, changed

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "docs" / "policy.schema.json"


def is_valid(text: str) -> bool:
    return jsonschema.Draft202012Validator(json_schema()).is_valid(yaml.safe_load(text))


def test_the_published_schema_is_the_one_that_is_loaded_by() -> None:
    """Made by `valetkey policy schema > docs/policy.schema.json`."""
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == json_schema()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_what_loads_fits_the_schema() -> None:
    assert is_valid(VALID)
    assert is_valid((ROOT / "deploy" / "example-policy.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("valetkey/v1", "valetkey/v2"),
        ("admin_notify:", "admin_notfy:"),
        ("name: prod", "name: Prod"),
        ("default: 1h", "default: an hour"),
        ("default: 1h", 'default: ""'),
        ("kind: ClusterRole", "kind: Group"),
        ("groups: [admins]", "groups: admins"),
        ("    description: Look at the shop\n", ""),
    ],
)
def test_editors_see_common_mistakes(old: str, new: str) -> None:
    assert not is_valid(changed((old, new)))


def test_every_code_of_a_reason_is_documented() -> None:
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert [code for code in REASON_CODES if f"`{code}`" not in text] == []
