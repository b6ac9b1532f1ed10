"""``sharedbook completion``: the script that completes command lines in bash, zsh and fish.

The shell asks the program itself at each Tab (click does it), so that a script never goes out of date.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options, and names of groups, members, teams and jobs.

    The examples switch it on in this shell. For every new shell, put the line at the end of ~/.bashrc, ~/.zshrc (after
    compinit) or ~/.config/fish/config.fish.

    \b
    Examples:  eval "$(sharedbook completion bash)"
               eval "$(sharedbook completion zsh)"
               sharedbook completion fish | source
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "sharedbook", "_SHAREDBOOK_COMPLETE").source())
