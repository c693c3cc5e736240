"""What each CUDA kernel takes of a GPU: registers, shared memory, spills, theoretical occupancy.

    python benchmarks/cuda_kernels.py [--cc 7.5 8.0 9.0] [--check]

Needs no GPU, but the compiler that comes with the extra `cuda`, an assembler of the same version
(`pip install 'cuda-toolkit[nvcc]'`), and greenlet. Small images go through every function that has
a `device`, in numba's simulator, and the signature of each launch is recorded. Then each kernel is
compiled for the least compute capability and assembled for each, as a driver does.
With --check the command fails where a kernel spills registers, or was never launched.

Occupancy is the share of a multiprocessor's warps that can be resident, as registers, shared memory
and threads of a block allow.
"""

import argparse
import importlib
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[1]
ASSEMBLER = "pip install 'cuda-toolkit[nvcc]'"
# of a multiprocessor: warps, blocks, registers, bytes of shared memory, of them a block's own
LIMITS = {
    "7.5": (32, 16, 65536, 65536, 0),
    "8.0": (64, 32, 65536, 167936, 1024),
    "9.0": (64, 32, 65536, 233472, 1024),
}


def workloads():
    """Calls that launch every kernel with every signature, on images of a few pixels."""
    import numpy as np
    from numba import cuda

    from sklearn_spx import kernels
    from sklearn_spx.kernels.agglomeration import boundary_means
    from sklearn_spx.kernels.cluster_assign import (
        bottom_up,
        cluster_means,
        nearest_clusters,
        squared_differences,
    )
    from sklearn_spx.kernels.color import rgb_to_lab
    from sklearn_spx.kernels.footprints import region_footprints
    from sklearn_spx.kernels.slic import slic_quiet

    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (18, 20, 3), np.uint8)
    floats = rng.random((18, 20, 3), dtype=np.float32)
    gray = floats[:, :, 0].copy()
    bands = rng.normal(size=(18, 20, 20)).astype(np.float32)
    mask = rng.random((18, 20)) < 0.8
    for image in (colour, floats, floats.astype(np.float64), colour.astype(np.uint16)):
        rgb_to_lab(image, device="cuda")
    for image in (colour, floats, bands):
        for options in ({}, {"mask": mask}, {"slic_zero": True}):
            slic_quiet(image, 4, max_iter=2, device="cuda", **options)
        there = cuda.to_device(image)
        slic_quiet(there, 4, max_iter=2)
        slic_quiet(there, 4, max_iter=2, mask=cuda.to_device(mask), enforce_connectivity=False)
    many = (rng.random((40, 40, 3)) @ rng.random((3, 24))).astype(np.float32)  # of few axes
    slic_quiet(many, 4, max_iter=2, device="cuda")
    slic_quiet(cuda.to_device(gray), 4, max_iter=2)
    noise = rng.integers(0, 4, (18, 20), np.int32)
    long = rng.integers(0, 2, (18, 20)).astype(np.int64)
    for labels in (noise, long, long.astype(np.uint8)):
        kernels.enforce_connectivity(labels, 5, n_segments=6, device="cuda")
    kernels.enforce_connectivity(cuda.to_device(long - 5), 5)
    kernels.enforce_connectivity(noise // 2, 9, n_segments=200, mask=mask, device="cuda")
    labels = kernels.enforce_connectivity(noise, 5, mask=mask)
    edges, lengths = kernels.region_adjacency(labels, device="cuda")
    for image in (colour, floats, bands, gray):
        kernels.region_means(image, labels, device="cuda")
        kernels.region_means(cuda.to_device(image), labels)
    weights = rng.random(len(edges))
    kernels.merge_heights(edges, weights, int(labels.max()) + 1, device="cuda")
    kernels.merge_regions(edges, weights, int(labels.max()) + 1, 0.3, 4, device="cuda")
    sizes = np.arange(1.0, int(labels.max()) + 2)
    for s in (None, sizes):
        kernels.segment_region_graph(edges, weights, len(sizes), sizes=s, min_size=3, device="cuda")
    for image in (colour, floats, bands, gray):
        for options in ({"mask": mask}, {"connectivity": 4, "sigma": 0.0}):
            kernels.graph_segmentation(image, device="cuda", **options)
        kernels.graph_segmentation(cuda.to_device(image))
    affinities = rng.random((2, 18, 20), dtype=np.float32)
    for a in (affinities, affinities.astype(np.float64)):
        kernels.graph_segmentation(affinities=a, device="cuda")
        kernels.graph_segmentation(affinities=cuda.to_device(a), mask=mask)
    for image in (colour, floats, bands, gray):
        for options in ({"mask": mask}, {"connectivity": 4}):
            kernels.entropy_rate_superpixels(image, 9, device="cuda", **options)
        kernels.entropy_rate_superpixels(cuda.to_device(image), 9)
    for a in (affinities, affinities.astype(np.float64)):
        kernels.entropy_rate_superpixels(n_segments=9, affinities=a, device="cuda")
        kernels.entropy_rate_superpixels(n_segments=9, affinities=cuda.to_device(a), mask=mask)
    for image in (colour, gray):
        both = {"affinities": affinities, "cells": labels, "mask": mask, "device": "cuda"}
        kernels.entropy_rate_superpixels(image, 9, **both)
    boundary_means(labels, edges, lengths, gray, device="cuda")
    for chosen in (np.int64, np.int32):

        def first(values, means, neighbors, differences, chosen=chosen):
            return cuda.to_device(np.zeros(len(values), chosen))

        for image in (floats, bands, gray):
            bottom_up(image, 4, first, max_iter=2, device="cuda")
            bottom_up(cuda.to_device(image), 40, first, max_iter=2, mask=mask)
    for image in (colour, floats, gray):
        means, centers, _ = cluster_means(image, labels, device="cuda")
        cluster_means(cuda.to_device(image), labels)
    for integer, real in ((np.int32, np.float32), (np.int64, np.float64)):
        pixels = cuda.to_device(np.arange(9, dtype=integer))
        places = cuda.to_device(centers.astype(real))
        near = nearest_clusters(pixels, labels.shape, places)
        near = cuda.to_device(near.copy_to_host().astype(integer))
        of = cuda.to_device(means.astype(real))
        squared_differences(cuda.to_device(gray), pixels, of, places, near, 5)
    region_footprints(labels, int(labels.max()) + 1, (4, 5), 4, 1.5, device="cuda")


def record(path):
    """Write the signature of each launch of the workloads: module, name, types, threads."""
    sys.path.insert(0, str(ROOT / "tests" / "kernels"))
    import numba
    from simulator import as_seen_by_a_kernel, permuted

    from sklearn_spx.kernels import _device

    launches = {}
    launch = _device.Session.launch

    def recorded(session, kernel, n_blocks, n_threads, *args):
        types = tuple(numba.typeof(as_seen_by_a_kernel(argument)) for argument in args)
        function = kernel.py_func
        launches[function.__module__, function.__qualname__, types] = n_threads
        launch(session, kernel, n_blocks, n_threads, *args)

    _device.Session.launch = recorded
    with permuted():
        workloads()
    left_out = sorted(kernels_of_the_package() - {key[:2] for key in launches})
    Path(path).write_bytes(pickle.dumps(([(*k, n) for k, n in launches.items()], left_out)))


def kernels_of_the_package():
    """Module and name of all kernels, found by their decorator."""
    package = ROOT / "sklearn_spx"
    if not package.is_dir():
        return set()
    found = set()
    for path in package.rglob("_cuda*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name in re.findall(r"^@kernel\b.*\ndef (\w+)", path.read_text(), re.MULTILINE):
            found.add((module, name))
    return found


def compile_part(path, cc, folder, part, n_parts):
    """Compile a part of what was recorded, a PTX file each; print the names of the files."""
    from types import SimpleNamespace

    from numba import cuda
    from numba.cuda import dispatcher

    # numba-cuda asks the GPU that is there, even if another is compiled for
    capability = tuple(map(int, cc.split(".")))
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    launches, _ = pickle.loads(Path(path).read_bytes())
    files = []
    for i, (module, name, types, n_threads) in enumerate(launches):
        if i % int(n_parts) != int(part):
            continue
        kernel = getattr(importlib.import_module(module), name)
        ptx, _ = cuda.compile_ptx(kernel.py_func, types, cc=capability)
        file = Path(folder) / f"{i}.ptx"
        file.write_text(ptx)
        files.append((module, name, n_threads, str(file)))
    print(json.dumps(files))


def assemble(file, cc):
    """Registers of a thread, bytes of shared memory of a block, and bytes spilled."""
    command = [ptxas(), "-v", f"-arch=sm_{cc.replace('.', '')}", file, "-o", os.devnull]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said.stderr}\nIs it too old? {ASSEMBLER}")
    registers = max(map(int, re.findall(r"Used (\d+) registers", said.stderr)))
    shared = max(map(int, re.findall(r"(\d+) bytes smem", said.stderr)), default=0)
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", said.stderr)))
    return registers, shared, spilled


def ptxas():
    """The assembler of the installed wheel, or of the machine, which may be too old."""
    spec = find_spec("nvidia")
    for root in spec.submodule_search_locations if spec else ():
        for path in sorted(Path(root).glob("*/bin/ptxas")):
            return str(path)
    found = which("ptxas")
    if found is None:
        raise SystemExit(f"there is no ptxas: {ASSEMBLER}")
    return found


def occupancy(n_threads, registers, shared, cc):
    """Share of the warps of a multiprocessor that are resident, at most."""
    warps, blocks, all_registers, all_shared, own_shared = LIMITS[cc]
    of_block = -(-n_threads // 32)
    of_warp = -(-registers * 32 // 256) * 256  # registers are given out in 256 a warp
    resident = min(blocks, warps // of_block, all_registers // of_warp // of_block)
    if shared + own_shared:
        resident = min(resident, all_shared // (shared + own_shared))
    return resident * of_block / warps


def run_self(*arguments, **environment):
    """Run a part of this command in a process of its own; return what it prints."""
    ran = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.returncode)
    return ran.stdout


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cc", nargs="+", choices=LIMITS, default=list(LIMITS))
    parser.add_argument("--check", action="store_true", help="fail where registers are spilled")
    parser.add_argument("--record", help=argparse.SUPPRESS)
    parser.add_argument("--compile", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.record:
        return record(arguments.record)
    if arguments.compile:
        return compile_part(*arguments.compile)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        recorded = str(Path(folder) / "launches")
        run_self("--record", recorded, NUMBA_ENABLE_CUDASIM="1")
        launches, left_out = pickle.loads(Path(recorded).read_bytes())
        wrong += [f"{module}.{name} was never launched" for module, name in left_out]
        print(f"{len(launches)} signatures of {len({k[:2] for k in launches})} kernels")
        print(f"{'cc':>4} {'threads':>7} {'registers':>9} {'shared':>6} {'spilled':>7} "
              f"{'occupancy':>9}  kernel")  # fmt: skip
        n_parts = os.cpu_count() or 1
        least = min(arguments.cc, key=float)
        with ThreadPoolExecutor(n_parts) as pool:
            printed = pool.map(
                lambda part: run_self(
                    "--compile", recorded, least, folder, str(part), str(n_parts),
                    NUMBA_ENABLE_CUDASIM="0",
                ),
                range(n_parts),
            )  # fmt: skip
            files = [file for text in printed for file in json.loads(text.splitlines()[-1])]
            for cc in arguments.cc:
                rows = {}
                found = pool.map(partial(assemble, cc=cc), (file for *_, file in files))
                for (module, name, n_threads, _), figures in zip(files, found, strict=True):
                    row = *figures, n_threads
                    where = module.removeprefix("sklearn_spx.kernels.").removesuffix("._cuda")
                    rows[where, name] = max(row, rows.get((where, name), row))
                for (where, name), (registers, shared, spilled, n_threads) in sorted(rows.items()):
                    share = occupancy(n_threads, registers, shared, cc)
                    print(f"{cc:>4} {n_threads:>7} {registers:>9} {shared:>6} {spilled:>7} "
                          f"{share:>9.0%}  {where} {name}")  # fmt: skip
                    if spilled:
                        wrong.append(f"{where} {name} spills {spilled} bytes on {cc}")
    if wrong:
        print("\n".join(wrong))
    return int(arguments.check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
