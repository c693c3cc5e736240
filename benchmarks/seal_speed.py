"""Time of SEALSuperpixels.transform, all included, against skimage.segmentation.slic.

python benchmarks/seal_speed.py            # a 481 x 321 image, K = 300
"""

import argparse
import time
from statistics import median

import numpy as np
import skimage
import torch
from skimage.segmentation import slic

from sklearn_spx import SEALSuperpixels
from sklearn_spx.datasets import load_sample_images


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--n-segments", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image = load_sample_images().images[0]
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=2)
    rows, columns = (np.linspace(0, n - 1, m).astype(int) for n, m in zip(image.shape, (321, 481)))
    image = np.ascontiguousarray(image[rows][:, columns])
    seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=options.n_segments)
    runs = {
        "skimage.slic, 10 iterations": lambda: slic(
            image, options.n_segments, compactness=10, max_num_iter=10, start_label=0
        ),
        "SEALSuperpixels.transform": lambda: seal.transform([image]),
        "  of which affinities": lambda: seal.affinities([image]),
    }
    seconds = {name: [] for name in runs}
    for i in range(options.runs + 1):  # interleaved; the first compiles
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if i:
                seconds[name].append(time.perf_counter() - start)
    base = median(seconds["skimage.slic, 10 iterations"])
    print(f"481 x 321, K = {options.n_segments}, {options.threads} torch threads")
    print(f"skimage {skimage.__version__}, torch {torch.__version__}")
    for name, times in seconds.items():
        print(f"{name:30}{1000 * median(times):8.0f} ms {median(times) / base:7.2f} x")


if __name__ == "__main__":
    main()
