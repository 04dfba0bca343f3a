"""commands.md: the help of every command."""

from __future__ import annotations

import click

from lwprof.cli.entry import COMMANDS, group
from pages.notice import GENERATED


def page() -> str:
    """The help of every command."""
    parts = [GENERATED, "# Commands", "The help of every command, in the order in which somebody meets them."]
    for name, command in [("lwprof", group), *((f"lwprof {command.name}", command) for command in COMMANDS)]:
        context = click.Context(
            command, info_name=name, terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
        )
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"
