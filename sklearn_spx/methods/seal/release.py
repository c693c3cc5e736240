"""The net that the authors of SEAL released, from their file."""

from pathlib import Path

from ...model_file import Model, find_model


def is_release(name_or_path):
    """Whether a file may be theirs: it ends in .pkl, as no other that is read here."""
    return Path(name_or_path).suffix == ".pkl"


def read_release(path):
    """Return their net as a model of the estimator; torch reads it without running code."""
    from ...nets.checkpoint import read_tensors_of_torch
    from ...nets.seal_pan import released_state

    path = find_model(path, "SEALSuperpixels")
    try:
        state = released_state(read_tensors_of_torch(path))
    except ValueError as error:
        raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from error
    return Model(
        name="SEALSuperpixels",
        params={"net": "pan", "loss": "seal"},
        arrays={name: value.numpy() for name, value in state.items()},
        values={"history": [], "n_channels_in": 3, "net": "pan", "loss": "seal"},
    )
