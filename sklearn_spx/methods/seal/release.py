"""The net that the authors of SEAL released, from their file."""

from pathlib import Path

from ...model_file import Model


def is_release(name_or_path):
    """Whether a file may be theirs: it ends in .pkl, as no other that is read here."""
    return Path(name_or_path).suffix == ".pkl"


def read_release(path):
    """Return their net as a model of the estimator; torch reads it without running code."""
    import torch

    from ...nets.seal_pan import released_state

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    state = released_state(torch.load(path, map_location="cpu", weights_only=True))
    return Model(
        name="SEALSuperpixels",
        params={"net": "pan", "loss": "seal"},
        arrays={name: value.numpy() for name, value in state.items()},
        values={"history": [], "n_channels_in": 3, "net": "pan", "loss": "seal"},
    )
