"""``sklearn-spx export``: a net for other programs, as a package of BioImage.IO."""

import os
from pathlib import Path

import click

from ._console import printable, stdout

# the way out of `export_bioimageio`, as options
_OPTIONS = (
    "give authors and license, as authors=['A. Author'], license='CC-BY-4.0'",
    "give --author and --license, as --author 'A. Author' --license CC-BY-4.0",
)


@click.command()
@click.argument("model", metavar="WEIGHTS|FILE")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The package, .zip; none is overwritten.",
)
@click.option("--name", help="Title of the package.")
@click.option("--author", "authors", multiple=True, help="Who made the net; may be repeated.")
@click.option("--license", help="SPDX name of the licence of the weights, such as CC-BY-4.0.")
def export(model, out, name, authors, license):
    """Write a compact net as a package of BioImage.IO, for programs that read those.

    The net is that of WEIGHTS that are shipped, such as SEALSuperpixels-bsds500, or of a FILE that
    save, or sklearn-spx train, wrote: then --author and --license are needed.
    """
    from ..bioimageio import export_bioimageio
    from ..model_file import estimator_class, read_model, shipped_models

    estimators = ("SEALSuperpixels", "TrainableSLIC", "DELSegmenter")
    shipped = {f"{kind}-{net}": (kind, net) for kind in estimators for net in shipped_models(kind)}
    try:
        if os.path.isfile(model):  # that of Path may raise
            kind, pretrained = read_model(model).name, model
        elif model in shipped:
            kind, pretrained = shipped[model]
        else:
            raise click.UsageError(
                f"{model!r} is neither a file nor weights that are shipped: {', '.join(shipped)}"
            )
        if kind not in estimators:
            raise ValueError(f"{model} holds a {kind}; accepted is one of {', '.join(estimators)}")
        estimator = estimator_class(kind).from_pretrained(pretrained)
        export_bioimageio(estimator, out, name=name, authors=authors, license=license)
    except (ImportError, OSError, ValueError) as error:
        line = str(error).splitlines()[0].replace(*_OPTIONS)
        raise click.ClickException(printable(line)) from None
    stdout().print(f"wrote {out}", soft_wrap=True, markup=False)
