"""The command line: ``sklearn-spx demo``, ``segment``, ``view``, ``evaluate``, ``train``, ...

What a command needs is imported when it runs, so that ``--help`` answers at once.
"""

import click

from .. import __version__
from ._console import stderr
from ._demo import demo
from ._evaluate import evaluate
from ._export import export
from ._info import info
from ._segment import segment
from ._train import train
from ._train_del import train_del
from ._train_seal import train_seal
from ._train_trainable_slic import train_trainable_slic
from ._view import view

__all__ = ["main"]


class _Program(click.Group):
    """Commands that Ctrl-C ends with one line and the code that shells know."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stderr().print("stopped")
            raise click.exceptions.Exit(130) from None


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all went well; 1 some file failed, the others are done; 2 wrong usage; "
    "130 stopped by Ctrl-C.",
)
@click.version_option(__version__, prog_name="sklearn-spx")
def main():
    """Superpixels and image segmentation, trained and untrained."""


for _command in (train_seal, train_del, train_trainable_slic):
    train.add_command(_command)
for _command in (demo, segment, view, evaluate, train, export, info):
    main.add_command(_command)
