"""Makes docs/settings.md from the settings themselves, so that the two can't differ."""

import sys
from typing import Final

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bot.clusters_file import ClusterAccess, Timeouts
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
Slack's tokens and signing secret are read again when their files change.
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
  overseas:
    kubeconfig: overseas.kubeconfig
    proxy: http://proxy.example.com:3128
    threads: 8                          # grants worked on at once
    timeouts:
      connect: 4s
      read: 10s
  tools:
    in_cluster: true                    # the cluster that Valetkey runs in
```

Where `endpoints` are given, proof asks each of them whether access exists or is gone; where not,
the record says "as seen from one endpoint". `valetkey clusters check FILE` says what is wrong with
such a file, and `valetkey clusters schema` prints its JSON Schema, which is also in
[clusters.schema.json](clusters.schema.json).

{fields}
"""

_PROXIES: Final = """\
## Proxies

One rule for Slack, for the company's provider and for each cluster:

1. Hosts that the environment's `NO_PROXY` names are reached directly: names with all that is below
   them, addresses, ranges such as `10.0.0.0/8`, or `*`.
2. Else the proxy that is set for the one thing: `{prefix}SLACK_PROXY`, `{prefix}OIDC_PROXY`, a
   cluster's `proxy` in the clusters file, or `proxy-url` in its kubeconfig.
3. Else the environment's `HTTPS_PROXY`, if there is one.

Only `http://` proxies are known. TLS runs through their tunnel (CONNECT) from end to end, so that a
proxy learns names of hosts and nothing else, and certificates are checked as without one:
`{prefix}SLACK_CA_FILE`, `{prefix}OIDC_CA_FILE` and the kubeconfig's authority say whom to trust.
User and password stand in the address, percent-encoded, and are kept out of logs and errors. In a
pod with `HTTPS_PROXY`, name the cluster's own services in `NO_PROXY`.
"""


def settings_page() -> str:
    """Write the page, in Markdown."""
    sections = [_section(name, field) for name, field in Settings.model_fields.items()]
    parts = [_HEAD, *sections, _CLUSTERS.replace("{fields}", _cluster_fields()), _PROXIES]
    return "\n".join(part.replace("{prefix}", PREFIX) for part in parts)


def _cluster_fields() -> str:
    """Tell every field of the clusters file, from the file's own model."""
    lines = ["| field | default | says |", "|---|---|---|"]
    for name, field in ClusterAccess.model_fields.items():
        if name != "timeouts":
            lines.append(_row(name, field))
    for name, field in Timeouts.model_fields.items():
        lines.append(_row(f"timeouts.{name}", field))
    return "\n".join(lines)


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default in (None, ()) else f"`{as_default_text(field.default)}`"
    return f"| `{name}` | {default} | {field.description or ''} |"


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
