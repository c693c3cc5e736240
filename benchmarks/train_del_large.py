"""The last training of DELSegmenter "bsds500-large": two teachers, and unlabelled photographs.

    python benchmarks/train_del_large.py BSDS500 --splits train val \
        --unlabelled CamVid/images/train --start second.safetensors \
        --teachers second.safetensors bsds500 --out large.safetensors

Trains a net on from `--start`, which `sklearn-spx train del --net large` made. The teachers are
shown each image in three sizes and mirrored; the mean of what they say is half of a target, and all
of it for photographs that nobody has annotated, which are one image in five. Images are zoomed and
worn, and three in ten are turned by up to 45 degrees. These are what `sklearn-spx train del` does
not have: several teachers, their three sizes, and images that are both turned and worn.

An interrupted training goes on from `--checkpoint`. Beside `--out`, in half precision, a file with
the weights in 8 bits is written.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from sklearn_spx import DELSegmenter
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.methods.deep_embedding import model
from sklearn_spx.methods.deep_embedding.training import DELTask, own_recipe
from sklearn_spx.training import NetTraining
from sklearn_spx.training.recipe import fit_net, resolve
from sklearn_spx.training.state import net_arrays

SCALES, MIRROR = (0.75, 1.0, 1.5), True  # of the teachers' views
UNLABELLED = 0.2  # share of the images drawn
TURNED = 0.3
TURNS = 1, 2, 14, 15  # sixteenths of a circle


class Teachers:
    """The mean of what several nets say; embeddings side by side have the mean of distances."""

    def __init__(self, nets):
        self.nets, self.kept = nets, []

    def look_at(self, rgb, labels):
        n, image = int(labels.max()) + 1, model.as_tensor(rgb)
        with torch.inference_mode():
            found = [
                model.several_views(net, lambda: image, labels, n, "mean", SCALES, MIRROR)
                for net in self.nets
            ]
        embeddings, boundaries = zip(*found)
        mean = torch.cat(embeddings, 1) / len(found), sum(boundaries) / len(found)
        self.kept.append([part.half().numpy() for part in mean])

    def embeddings_and_boundary(self, i, image, labels):
        return [part.astype(np.float32) for part in self.kept[i]]


class Task(DELTask):
    """Some images without annotations, some turned."""

    n_labelled = 0

    def draw(self, step):
        rng = np.random.default_rng([self.about["seed"], step])
        n, n_others = self.n_labelled, len(self.images) - self.n_labelled
        other = n_others > 0 and rng.random() <= UNLABELLED
        i = n + int(rng.integers(n_others)) if other else int(rng.integers(n))
        variant = int(rng.integers(2))
        if rng.random() < TURNED:
            variant += 2 * int(rng.choice(TURNS))
        return [self.sample(i, variant, rng)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="BSDS500, with images/ and groundTruth/")
    parser.add_argument("--splits", nargs="+", default=["train"], choices=("train", "val"))
    parser.add_argument("--unlabelled", type=Path, help="folder of photographs, .png or .jpg")
    parser.add_argument("--start", required=True, help="net to train on")
    parser.add_argument("--teachers", nargs="+", required=True, help="files or shipped names")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    start = DELSegmenter.from_pretrained(arguments.start)
    teachers = Teachers([DELSegmenter.from_pretrained(name).net_ for name in arguments.teachers])
    images, truths = [], []
    for split in arguments.splits:
        data = load_bsds500(arguments.folder, split)
        images += [data.images[i] for i in range(len(data.images))]
        truths += [list(data.ground_truths[i]) for i in range(len(data.images))]
    n_labelled = len(images)
    if arguments.unlabelled is not None:
        files = (p for p in arguments.unlabelled.iterdir() if p.suffix in (".png", ".jpg"))
        for path in sorted(files):
            images.append(np.asarray(Image.open(path).convert("RGB")))
            truths.append([np.full(images[-1].shape[:2], -1, np.int32)])
    labels = [start._superpixel_labels(image, None) for image in images]
    images = [model.as_rgb(image) for image in images]
    for image, superpixels in zip(tqdm(images, "teachers"), labels):
        teachers.look_at(image, superpixels)

    training = NetTraining(
        max_steps=arguments.steps, learning_rate=6e-4, checkpoint=arguments.checkpoint
    )
    about = {
        **start._kind,
        "seed": arguments.seed,
        "n_classes": 0,
        "augmentation": "wear",
        "annotators": "all",
        "freeze_trunk": False,
        "trained_net": True,
        "trained_trunk": True,
    }
    recipe = resolve(training, own_recipe(start._kind["net"]), len(images))
    weights = net_arrays(start.net_)

    def make_task():
        task = Task((images, labels, truths), recipe, about, weights, "cpu", teachers)
        task.n_labelled = n_labelled
        return task

    data = {"images": images, "ground truths": truths, "initial weights": weights}
    state, history = fit_net(make_task, recipe, about=about, data=data, memory=None, verbose=1)
    start._set_net(start._kind, state)
    start.history_ = history
    start.save(arguments.out, half_precision=True)
    start.save(arguments.out.with_suffix(".8.safetensors"), eight_bits=True)


if __name__ == "__main__":
    main()
