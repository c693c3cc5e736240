"""Learning curve of SEALSuperpixels: ASA on BSDS500 val against minutes of training on train.

    python benchmarks/seal_learning_curve.py BSDS500 --out curve/
    python benchmarks/seal_learning_curve.py BSDS500 --out seal/ --loss seal --boundary-weight 1

``sklearn-spx train seal`` runs as a process of its own. A copy of its checkpoint is put aside each
``--every`` steps or so, and the net of each copy is scored once the training has ended, so that
the minutes are those of training alone. Runs that were interrupted go on.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from sklearn_spx import SEALSuperpixels
from sklearn_spx.datasets import load_bsds500
from sklearn_spx.kernels import entropy_rate_superpixels
from sklearn_spx.metrics import (
    achievable_segmentation_accuracy,
    boundary_recall,
    evaluate_superpixels,
)

SCORES = {
    "ASA": partial(achievable_segmentation_accuracy, per_annotator=True),
    "BR": partial(boundary_recall, per_annotator=True),
}


def train(options):
    """Run the training; put a copy of its checkpoint aside every so many steps."""
    checkpoint, model = options.out / "run.pt", options.out / "model.safetensors"
    if model.exists():
        return model
    split = options.root / "images/train", options.root / "groundTruth/train"
    command = [sys.executable, "-m", "sklearn_spx.cli", "train", "seal", str(split[0])]
    command += ["--truths", str(split[1]), "--out", str(model), "--checkpoint", str(checkpoint)]
    command += ["--steps", str(options.steps), "--seed", str(options.seed), "--loss", options.loss]
    command += ["--boundary-weight", options.boundary_weight, "--device", "cpu"]
    process = subprocess.Popen(command)
    copied = max((step for step, _ in snapshots(options.out)), default=0)
    while process.poll() is None:
        time.sleep(5)
        if checkpoint.exists() and time.time() - checkpoint.stat().st_mtime > 1:
            step = torch.load(checkpoint, weights_only=True)["step"]
            if step >= copied + options.every:
                shutil.copy(checkpoint, options.out / f"step{step}.pt")
                copied = step
    if process.returncode:
        raise SystemExit(process.returncode)
    last = torch.load(checkpoint, weights_only=True)["step"]
    shutil.copy(checkpoint, options.out / f"step{last}.pt")
    return model


def snapshots(folder):
    found = [(int(re.findall(r"\d+", path.stem)[0]), path) for path in folder.glob("step*.pt")]
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="BSDS500, with images/ and groundTruth/")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--loss", default="cross_entropy", choices=("cross_entropy", "seal"))
    parser.add_argument("--boundary-weight", default="20")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=200, help="steps between copies")
    parser.add_argument("--images", type=int, default=10, help="of val, spread over the split")
    parser.add_argument("--counts", type=int, nargs="+", default=(100, 300, 1000))
    parser.add_argument("--sharpness", type=float, help="of the affinities; the model's own")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = train(options)

    data = load_bsds500(options.root, "val")
    chosen = [i * len(data.names) // options.images for i in range(options.images)]
    images = [data.images[i] for i in chosen]
    truths = [data.ground_truths[i] for i in chosen]
    seal = SEALSuperpixels.from_pretrained(model)
    if options.sharpness is not None:
        seal.set_params(sharpness=options.sharpness)
    print(f"BSDS500 val, {len(chosen)} images, protocol 'seal'; loss {options.loss}")
    columns = [f"{score} {count}" for score in SCORES for count in options.counts]
    print(f"{'step':>6}{'minutes':>9}" + "".join(f"{name:>10}" for name in columns))

    def row(step, minutes, segmented):
        result = evaluate_superpixels(segmented, truths, scores=SCORES)
        values = np.concatenate([result.mean[score] for score in SCORES])
        print(f"{step:6}{minutes:9.1f}" + "".join(f"{v:10.4f}" for v in values), flush=True)

    row(0, 0.0, [[entropy_rate_superpixels(x, n) for n in options.counts] for x in images])
    for step, path in snapshots(options.out):
        run = torch.load(path, weights_only=True)
        seal.net_.load_state_dict(run["net"])
        row(step, run["seconds"] / 60, seal.transform(images, n_segments=options.counts))
    print("the row of step 0: colour (ERS)")


if __name__ == "__main__":
    main()
