"""The files of a package, and its description in the words of bioimageio.spec."""

import hashlib
import warnings
from typing import NamedTuple

import numpy as np
import tifffile
from PIL import Image

from .. import __version__
from ._maps import WEIGHTS

SIDE = 256  # of each half of the cover
DATA = "The Berkeley Segmentation Data Set 500"
BSDS500 = (
    "P. Arbelaez et al., Contour detection and hierarchical image segmentation, PAMI 2011",
    "10.1109/TPAMI.2010.161",
)


class Credits(NamedTuple):
    """Whose net it is."""

    name: str  # of the package
    authors: list[str]
    license: str
    card: str | None  # file of the card, if the weights are shipped
    about: str  # which estimator


def write_package(folder, maps, credits):
    """Write all files of a package to a folder, and the zip of them; return the path of that."""
    photograph = _photograph(maps.n_channels)
    image = _planes(photograph[40:201, 90:331])  # of odd height and width
    made = _run(maps.graph, image)
    np.save(folder / "test_input.npy", image)
    np.save(folder / "test_output.npy", made)
    for name, planes in (("input", image[0].astype(np.uint8)), ("output", made[0])):
        tifffile.imwrite(folder / f"sample_{name}.tif", planes, photometric="minisblack")
    _cover(maps, photograph).save(folder / "cover.png")
    _script(maps).save(str(folder / "weights.pt"))
    for path in maps.licences:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "README.md").write_text(_readme(maps, credits), encoding="utf-8")
    return _zipped(folder, maps, credits)


def _photograph(n_channels):
    """Chelsea the cat, in as many channels."""
    from skimage import data

    return data.chelsea()[:, :, np.arange(n_channels) % 3]


def _planes(image):
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)


def _run(graph, image):
    import torch

    with torch.no_grad():
        return graph(torch.from_numpy(image)).numpy()


def _script(maps):
    """The net as TorchScript: a trace, which nothing in it ties to the size of its example."""
    import torch

    example = torch.from_numpy(_planes(_photograph(maps.n_channels)[:48, :64]))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch, for what is to be trained
        # that a length is kept as a number: of what the net works out again from each image's size
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        return torch.jit.trace(maps.graph.eval(), example, check_trace=False)


def _cover(maps, photograph):
    """The photograph beside the maps, two squares."""
    square = photograph[:SIDE, 100 : 100 + SIDE]
    picture = maps.picture(_run(maps.graph, _planes(square))[0])
    low, high = np.percentile(picture, (1, 99.5), axis=(0, 1))
    picture = np.clip((picture - low) / np.maximum(high - low, 1e-6), 0, 1)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, 2)
    square = square[:, :, np.arange(3) % square.shape[2]]
    return Image.fromarray(np.hstack([square, np.rint(255 * picture).astype(np.uint8)]))


def _readme(maps, credits):
    channels = "red, green and blue" if maps.n_channels == 3 else f"{maps.n_channels} channels"
    if credits.card:
        trained = (WEIGHTS / credits.card).read_text(encoding="utf-8").partition("\n")[2].strip()
        checked = "Scores, or why there are none, stand in the section above."
    else:
        trained = f"By {', '.join(credits.authors)}, on images of their own."
        checked = "Of what those who trained it measured nothing is known here."
    licences = "".join(
        f"\n`{path.name}` in this package is of its trunk." for path in maps.licences
    )
    return f"""# {credits.name}

{maps.description}

Exported from {credits.about} {__version__}.

## Input

{channels[0].upper() + channels[1:]} from 0 to 255, as float32, axes batch, channel, y, x.
Images of any size; gray ones with the gray in each channel. Nothing is to be normalised: the net
does it. Tiles of a large image are seen one by one: let them overlap.

## Output

float32, axes batch, channel, y, x, of the input's height and width: {", ".join(maps.channels)}.

{maps.use}

## Training

{trained}

## Validation

{checked} On images of your own with annotations, `sklearn_spx.metrics.evaluate_superpixels` and
`evaluate_segmentations` score what grows of the maps. The test tensors are a part of the photograph
"chelsea" of scikit-image (CC0), and what the net makes of it.

## Licence

{credits.license}.{licences}

## References

{"".join(f"- {text}: {where}{chr(10)}" for text, where in maps.papers)}"""


def _zipped(folder, maps, credits):
    """Describe the files and put them into a zip file, by bioimageio.spec."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it uses of pydantic is deprecated
        import bioimageio.spec as spec
        from bioimageio.spec.model import v0_5
        from pydantic import ValidationError

        # nothing is looked up: addresses are ours, and the files too
        with spec.ValidationContext(root=folder, perform_io_checks=False, log_warnings=False):
            try:
                described = _described(v0_5, folder, maps, credits)
            except ValidationError as error:
                first = error.errors(include_url=False, include_context=False)[0]
                where = " ".join(map(str, (error.title, *first["loc"][:1])))
                why = f"{where}: {first['msg'][:200]}"  # of licences it lists all that there are
                raise ValueError(f"BioImage.IO does not take the package: {why}") from error
            return spec.save_bioimageio_package(described, output_path=folder / "package.zip")


def _described(v0_5, folder, maps, credits):
    """The ModelDescr of the files in the folder, which is the context's root."""
    import torch

    def hashed(name):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        return {"source": v0_5.RelativeFilePath(name), "sha256": v0_5.Sha256(digest)}

    def file(name):
        return v0_5.FileDescr(**hashed(name))

    red_green_blue = ["red", "green", "blue"]
    names = [f"channel{k}" for k in range(maps.n_channels)]
    taken = v0_5.InputTensorDescr(
        id=v0_5.TensorId("image"),
        description="from 0 to 255, white being 255",
        axes=[
            v0_5.BatchAxis(),
            _channels(v0_5, red_green_blue if maps.n_channels == 3 else names),
            *(
                v0_5.SpaceInputAxis(
                    id=v0_5.AxisId(axis), size=v0_5.ParameterizedSize(min=64, step=1)
                )
                for axis in "yx"
            ),
        ],
        data=v0_5.IntervalOrRatioDataDescr(type="float32", range=(0.0, 255.0)),
        test_tensor=file("test_input.npy"),
        sample_tensor=file("sample_input.tif"),
    )
    made = v0_5.OutputTensorDescr(
        id=v0_5.TensorId(maps.output),
        axes=[
            v0_5.BatchAxis(),
            _channels(v0_5, maps.channels),
            *(
                v0_5.SpaceOutputAxis(
                    id=v0_5.AxisId(axis),
                    size=v0_5.SizeReference(tensor_id=taken.id, axis_id=v0_5.AxisId(axis)),
                )
                for axis in "yx"
            ),
        ],
        data=v0_5.IntervalOrRatioDataDescr(type="float32", range=maps.range),
        test_tensor=file("test_output.npy"),
        sample_tensor=file("sample_output.tif"),
    )
    papers = (*maps.papers, BSDS500) if credits.card else maps.papers
    training = {"trained_on": DATA} if credits.card else {}
    return v0_5.ModelDescr(
        name=credits.name,
        description=maps.description,
        authors=[v0_5.Author(name=author) for author in credits.authors],
        license=credits.license,
        cite=[_cited(v0_5, *paper) for paper in papers],
        documentation=file("README.md"),
        covers=[file("cover.png")],
        attachments=[file(path.name) for path in maps.licences],
        tags=["2d", "other", "pytorch", "instance-segmentation", *maps.tags],
        inputs=[taken],
        outputs=[made],
        weights=v0_5.WeightsDescr(
            torchscript=v0_5.TorchscriptWeightsDescr(
                **hashed("weights.pt"),
                pytorch_version=v0_5.Version(torch.__version__.partition("+")[0]),
            )
        ),
        config={"sklearn_spx": {"version": __version__, "from": credits.about, **training}},
    )


def _channels(v0_5, names):
    return v0_5.ChannelAxis(channel_names=[v0_5.Identifier(name) for name in names])


def _cited(v0_5, text, where):
    if where.startswith("https:"):
        return v0_5.CiteEntry(text=text, url=v0_5.HttpUrl(where))
    return v0_5.CiteEntry(text=text, doi=v0_5.Doi(where))
