"""Commands whose words may begin with a minus: ``-tag:x`` in a search, ``-vip``, ``note-=x``.

click would take such a word for options; told to let unknown ones be words, it lets mistyped options be words, too. So
what begins with two minuses is an option, and is refused if there is none; behind a lone ``--`` all are words.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import takewhile

import click


class MinusWords(click.Command):
    """``cls`` of such a command. Raises NoSuchOption (exit 2)."""

    ignore_unknown_options = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = [name for option in self.get_params(ctx) for name in (*option.opts, *option.secondary_opts)]
        for word in takewhile(lambda word: word != "--", args):
            name = word.partition("=")[0]
            if name.startswith("--") and name not in known:
                raise click.NoSuchOption(name, possibilities=get_close_matches(name, known), ctx=ctx)
        return super().parse_args(ctx, args)
