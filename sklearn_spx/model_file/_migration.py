"""Files of older formats, as they would be written today.

Format 1 named a class by the modules it then lay in. The table has those names; nothing else is
looked up, and no module of a file's choice is imported.
"""

from ..utils.tensor_file import shown

_CLASSES = {
    "sklearn_spx._del.DELSegmenter": "DELSegmenter",
    "sklearn_spx._egb.EGBSegmenter": "EGBSegmenter",
    "sklearn_spx._ers.ERSSuperpixels": "ERSSuperpixels",
    "sklearn_spx._seal.SEALSuperpixels": "SEALSuperpixels",
    "sklearn_spx._slic.SLICSuperpixels": "SLICSuperpixels",
    "sklearn_spx._trainable_slic.TrainableSLIC": "TrainableSLIC",
    "sklearn_spx.features._embedding.EmbeddingFeatures": "features.EmbeddingFeatures",
    "sklearn_spx.features._lab.LabFeatures": "features.LabFeatures",
    "sklearn_spx.features._scattering.ScatteringFeatures": "features.ScatteringFeatures",
    "sklearn_spx.features._union.ChannelUnion": "features.ChannelUnion",
}

# parameters that said how a net was trained, which a file no longer says
_OF_TRAINING = {
    "batch_size",
    "crop_size",
    "early_stopping",
    "learning_rate",
    "max_epochs",
    "max_steps",
    "mixed_precision",
    "optimizer",
    "validation_fraction",
    "weight_decay",
}

# defaults of then that are None today, which follows other parameters and what suits them now
_OLD_DEFAULTS = {
    "DELSegmenter": {"threshold": 0.55},
    "SEALSuperpixels": {"balance": 0.3, "boundary_weight": 20.0, "regularity": 0.05},
}


def from_format_1(value):
    """Return JSON of format 1, of an estimator or of a state, as that of format 2."""
    if isinstance(value, list):
        return [from_format_1(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not {"class", "params"} <= set(value):
        return {key: from_format_1(item) for key, item in value.items()}
    name = value["class"]
    if not isinstance(name, str) or name not in _CLASSES:
        raise ValueError(f"it names the class {shown(name)}, which no file may name")
    if not isinstance(value["params"], dict):
        raise ValueError(f"the parameters of {name} are {shown(value['params'])}")
    found = {key: from_format_1(item) for key, item in value.items() if key != "class"}
    found["name"] = _CLASSES[name]
    found["params"] = _migrate(found["name"], found["params"])
    return found


def _migrate(name, params):
    """Return parameters, as JSON, by the names and defaults that they have today."""
    old = _OLD_DEFAULTS.get(name, {})
    return {
        key: value
        for key, value in params.items()
        if key not in _OF_TRAINING and not (key in old and value == old[key])
    }


def state_from_format_1(estimator, values):
    """Return the state of an estimator, as JSON, as it would be written today."""
    if not isinstance(estimator, dict) or not isinstance(values, dict):
        return values
    name, params = estimator.get("name"), estimator.get("params")
    if not isinstance(params, dict):
        return values
    if name == "SEALSuperpixels":
        return {"net": params.get("net"), "loss": params.get("loss"), **values}
    if name != "DELSegmenter":
        return values
    renamed = {"n_channels_in_": "n_channels_in", "history_": "history"}
    values = {renamed.get(key, key): value for key, value in values.items()}
    if isinstance(values.get("superpixels"), dict):
        values["superpixels"] = state_from_format_1(
            params.get("superpixels"), values["superpixels"]
        )
    sides = params.get("sides")
    if isinstance(sides, dict):
        sides = next(iter(sides.values()), None)
    return {"net": params.get("net"), "sides": sides, "pooling": params.get("pooling"), **values}
