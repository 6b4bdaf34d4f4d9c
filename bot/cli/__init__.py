"""The command line: one file for each group of commands, loaded only when it is asked for."""

import importlib
from typing import Final

import click

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "serve": ("bot.cli.serve:serve", "Run the bot: surfaces and worker."),
    "db": ("bot.cli.db:db", "The database's schema."),
    "policy": ("bot.cli.policy:policy", "Check and show policy."),
    "review": ("bot.cli.review:review", "What service accounts may do, and what is risky."),
    "history": ("bot.cli.history:history", "Who had what, when, why, and who let them."),
    "rbac": ("bot.cli.rbac:rbac", "Who may do what by RBAC, in a cluster or in files."),
    "clusters": ("bot.cli.clusters:clusters", "How each cluster stands, and what waits there."),
    "usage": ("bot.cli.usage:usage", "What audit logs show of who did what."),
    "people": ("bot.cli.people:people", "Who is linked to which Slack account."),
    "outbox": ("bot.cli.outbox:outbox", "What could not be told in Slack, and why."),
    "playground": ("bot.cli.playground:playground", "A whole Valetkey on this machine, to try."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order that people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="valetkey", prog_name="valetkey")
def main() -> None:
    """Just-in-time Kubernetes access from Slack: time-bound, and proven gone."""
