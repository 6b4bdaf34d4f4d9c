"""`python -m deploy`: writes the parts of a deployment that follow from a policy, to stdout."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from deploy.rbac import bind_role, policy_config_map
from grants.errors import PolicyInvalid
from grants.policy.load import load_policy
from grants.policy.source import PolicyFile, PolicyPath

_KINDS: Final[dict[str, Callable[[tuple[PolicyFile, ...]], str]]] = {
    "bind-role": lambda files: bind_role(load_policy(files).policy),
    "config-map": policy_config_map,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", type=click.Choice(tuple(_KINDS)))
@click.argument("policy", type=click.Path(exists=True, path_type=Path))
def main(kind: str, policy: Path) -> None:
    """Write a manifest made from POLICY, a file or a folder.

    bind-role: the ClusterRole that lists the roles which the bot may bind.
    config-map: the ConfigMap that holds the policy for the pod.
    """
    try:
        text = _KINDS[kind](PolicyPath(policy).files())
    except PolicyInvalid as error:
        for problem in error.problems:
            click.echo(
                f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", err=True
            )
        raise SystemExit(1) from None
    click.echo(text, nl=False)


if __name__ == "__main__":
    main()
