"""Makes docs/settings.md from the settings themselves, so that the two can't differ."""

import sys
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.settings import Settings, secret_names
from bot.settings_checks import as_default_text
from bot.settings_kinds import PREFIX

_HEAD: Final = """\
# Settings

Valetkey reads its settings from the environment, once, at the start. Whatever is wrong is said
all at once, with the name of each variable, and a variable that begins with `{prefix}` and is no
setting is refused: it is most often a typing error.

Durations are written `90s`, `15m`, `12h`, `1d` or together as `1h30m`. A secret may come from a
file instead: put `_FILE` behind its name and give the path, as for a mounted Kubernetes Secret.
"""

_CLUSTERS: Final = """\
## The clusters file

`{prefix}CLUSTERS_PATH` names a YAML file. Each cluster stands by the alias that policy calls it:

```yaml
clusters:
  production:
    kubeconfig: production.kubeconfig   # from this file's folder on
    context: valetkey                   # default: the kubeconfig's current context
    endpoints:                          # every API server, for proof
      - https://10.0.0.11:6443
      - https://10.0.0.12:6443
  tools:
    in_cluster: true                    # the cluster that Valetkey runs in
```

Where `endpoints` are given, proof asks each of them whether access exists or is gone; where not,
the record says "as seen from one endpoint".
"""


def settings_page() -> str:
    """Write the page, in Markdown."""
    sections = [_section(name, field) for name, field in Settings.model_fields.items()]
    parts = [_HEAD, *sections, _CLUSTERS]
    return "\n".join(part.replace("{prefix}", PREFIX) for part in parts)


def _section(name: str, field: FieldInfo) -> str:
    lines = [f"## `{PREFIX}{name.upper()}`", "", field.description or ""]
    if name in secret_names():
        lines += ["", f"Secret. Also by file: `{PREFIX}{name.upper()}_FILE`."]
    is_said = "Default" in (field.description or "") or "default" in (field.description or "")
    if not is_said and field.default not in (None, PydanticUndefined, ()):
        lines += ["", f"Default: `{as_default_text(field.default)}`."]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(settings_page())
