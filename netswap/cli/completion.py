"""The command that prints the script for a shell's completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from netswap.errors import UserError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  eval "$(netswapctl completion bash)"   in ~/.bashrc
    zsh:   eval "$(netswapctl completion zsh)"    in ~/.zshrc
    fish:  netswapctl completion fish | source    in ~/.config/fish/config.fish
    """  # noqa: D301 (click wants the character)
    kind = get_completion_class(shell)
    if kind is None:
        raise UserError(f"this version of click knows no {shell}")
    top = ctx.find_root()
    click.echo(kind(top.command, {}, "netswapctl", "_NETSWAPCTL_COMPLETE").source())
