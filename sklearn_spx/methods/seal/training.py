"""How SEAL is trained: crops, what is asked of neighbouring pixels, superpixels in the loop."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...kernels import entropy_rate_superpixels
from ...kernels.checks import full_scale
from ...learned import net_arrays
from ...metrics import achievable_segmentation_accuracy
from ...training.augment import random_crop
from .model import (
    BALANCE,
    SHARPNESS,
    as_channels,
    as_tensor,
    build_net,
    net_inputs,
    predict,
)

# superpixels in the loop are as large as 300 in an image of BSDS500
_LOOP_PIXELS = 481 * 321 // 300
_PATIENCE = 3


def sample(image, mask, annotations):
    """Image and label images to learn from, labels from 0 and -1 outside the mask, small."""
    labels = np.stack([a - a.min() for a in annotations])
    if mask is not None:
        labels[:, ~mask] = -1
    dtype = np.int16 if labels.max() <= np.iinfo(np.int16).max else np.int32
    return as_channels(image), labels.astype(dtype)


def train_net(items, held_out, recipe, *, checkpoint, device, n_jobs, verbose):
    """Return (state, history): a pure function of the data and the recipe."""
    import torch

    from ...nets.losses import affinity_cross_entropy, segmentation_error_weights
    from ...training.loop import train, warm_cosine

    seed, max_steps = recipe["seed"], recipe["max_steps"]
    order = np.random.default_rng(seed).permutation(len(items))
    held = [items[i] for i in order[:held_out]]
    items = [items[i] for i in np.sort(order[held_out:])]
    shares = np.cumsum([len(labels) for _, labels in items], dtype=float)
    shares /= shares[-1]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_net(recipe["net"], items[0][0].shape[2], None, device)
    canny = getattr(net, "canny", False)

    def draw(step):
        crops = []
        for k in range(recipe["batch_size"]):
            rng = np.random.default_rng((seed, step, k))
            # as likely as it has annotations: each is a sample
            image, labels = items[np.searchsorted(shares, rng.random(), side="right")]
            crop, labels = random_crop(image, labels, recipe["crop_size"], rng)
            crops.append(
                (net_inputs(crop, full_scale(image.dtype), canny), _targets(labels), labels)
            )
        inputs, targets, labels = zip(*crops)
        inputs = [as_tensor(np.concatenate(arrays)) for arrays in zip(*inputs)]
        return inputs, torch.from_numpy(np.stack(targets)), list(labels)

    with ThreadPoolExecutor(n_jobs) as pool:

        def errors(affinity, labels):
            superpixels = entropy_rate_superpixels(
                n_segments=_loop_count(affinity.shape[1:]), affinities=affinity, connectivity=4
            )
            return np.mean([segmentation_error_weights(superpixels, a) for a in labels], axis=0)

        def loss(net, batch):
            inputs, targets, labels = batch
            logits = net.logits(*inputs).float()
            gamma = None
            if recipe["loss"] == "seal":
                affinities = torch.sigmoid(logits.detach()).cpu().numpy()
                gamma = np.stack(list(pool.map(errors, affinities, labels)))
                gamma = torch.from_numpy(gamma).to(logits.device)
            return affinity_cross_entropy(logits, targets, gamma, recipe["boundary_weight"])

        def validate(net):
            return np.mean(list(pool.map(lambda item: _validate(net, *item), held)))

        history = train(
            net,
            draw,
            loss,
            optimizer=torch.optim.AdamW(
                net.parameters(), lr=recipe["learning_rate"], weight_decay=1e-4
            ),
            max_steps=max_steps,
            schedule=lambda step: warm_cosine(step, max_steps),
            validate=validate if held else None,
            patience=_PATIENCE if recipe["early_stopping"] else None,
            checkpoint=checkpoint,
            fingerprint=json.dumps({**recipe, "images": len(items)}, sort_keys=True),
            n_workers=n_jobs if n_jobs > 1 else 0,
            mixed_precision=True,
            verbose=verbose,
        )
    return net_arrays(net), history


def _targets(labels):
    """The share of annotations that join each pair, NaN where a pair leaves image or mask."""
    from ...nets.losses import transition_targets

    targets = np.mean([transition_targets(a) for a in labels], axis=0, dtype=np.float32)
    outside = labels[0] < 0
    if outside.any():
        targets[:, outside] = np.nan
        targets[0, :, :-1][outside[:, 1:]] = np.nan
        targets[1, :-1][outside[1:]] = np.nan
    return targets


def _validate(net, image, labels):
    """Mean ASA over the annotations of an image held out."""
    affinities = predict(image, None, net) ** SHARPNESS["ers"]
    inside = labels[0] >= 0
    superpixels = entropy_rate_superpixels(
        n_segments=_loop_count(inside.shape),
        affinities=affinities,
        balance=BALANCE,
        mask=None if inside.all() else inside,
    )
    return achievable_segmentation_accuracy(superpixels, list(labels.astype(np.int32)))


def _loop_count(shape):
    return max(1, round(shape[0] * shape[1] / _LOOP_PIXELS))
