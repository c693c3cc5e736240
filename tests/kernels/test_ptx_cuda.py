"""Every CUDA kernel compiled for GPUs that are not here, and assembled: no register is spilled."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)

# Run in a process of its own, as the simulator has no compiler.
_COMPILE = """
import json, sys
from types import SimpleNamespace
import numba
from numba import cuda, types
from numba.cuda import dispatcher
from sklearn_spx.kernels.color import _cuda as color
from sklearn_spx.kernels.slic import _cuda as slic

cc = tuple(json.loads(sys.argv[1]))
dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=cc)
b1, u1, i4, i8, f4, f8 = (
    types.boolean, types.uint8, types.int32, types.int64, types.float32, types.float64
)
A = lambda dtype, ndim=1: types.Array(dtype, ndim, "C")
grid = types.NamedUniTuple(i8, 6, slic.Grid)
cut = A(b1, 2), grid, A(b1, 3), A(i4, 2), A(f4, 3), A(i4)
centres = A(f4, 2), grid
two, three = types.UniTuple(A(i4), 2), types.UniTuple(A(i4), 3)
sums = A(f4, 2), A(i4, 2), A(i4)
kernels = [
    (color.pixels_to_lab, (A(u1, 3), f4, f4, A(f4), A(f4, 3), A(i4))),
    (color.pixels_to_lab, (A(f4, 3), f4, f4, A(f4), A(f4, 3), A(i4))),
    (slic.cut_channels, (A(f4, 3), A(i4), A(f4), *cut)),
    (slic.cut_rgb, (A(u1, 3), f4, A(f4), A(f4), *cut)),
    (slic.cut_rgb, (A(f4, 3), f4, A(f4), A(f4), *cut)),
    (slic.place_centres, (A(f4, 2), A(i4, 2), A(f4, 3), A(f4, 2))),
    (slic.count_windows, (*centres, f8, A(i4))),
    (slic.start_lists, (A(i4), A(i4, 2), A(i4), A(i4), A(i4), A(i4))),
    (slic.fill_lists, (*centres, f8, A(i4), A(i4), A(i4))),
    (slic.sort_lists, (*centres, A(i4), A(i4), A(i4), A(i4))),
    (slic.sum_up, (A(f4, 3), A(b1, 3), A(i4, 2), i8, grid, A(f4, 2), A(f4), f4, two, *sums)),
    (slic.move, (A(i4, 2), i8, grid, f8, A(f4, 2), A(f4, 2), three, two, *sums, A(f4), A(f4))),
    (slic.assign, (A(f4, 3), A(b1, 3), grid, A(f4, 2), A(f4), f4, two, A(i4, 2))),
    (slic.fill, (A(i4), i8)),
    (slic.fill, (A(f4), f4)),
]
found = [(k.py_func.__name__, cuda.compile_ptx(k.py_func, s, cc=cc)[0]) for k, s in kernels]
print(json.dumps(found))
"""


def _ptxas():
    """The assembler of the installed wheel, or of the machine, or None."""
    spec = importlib.util.find_spec("nvidia")
    for root in spec.submodule_search_locations if spec else ():
        for path in sorted(Path(root).glob("*/bin/ptxas")):
            return str(path)
    return shutil.which("ptxas")


@pytest.mark.parametrize("cc", [(7, 5), (8, 0), (9, 0)])
def test_every_kernel_is_assembled_without_spills(cc, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    run = subprocess.run(
        [sys.executable, "-c", _COMPILE, json.dumps(cc)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if "libnvvm" in run.stderr.lower() or "nvvm" in run.stderr.splitlines()[-1:]:
        pytest.skip("the compiler is not installed: numba-cuda[cu12] or [cu13] brings it")
    assert run.returncode == 0, run.stderr[-3000:]
    compiled = json.loads(run.stdout)
    assert len({name for name, _ in compiled}) == 12
    ptxas = _ptxas()
    if ptxas is None:
        pytest.skip("compiled, but there is no ptxas")
    for name, ptx in compiled:
        source = tmp_path / "kernel.ptx"
        source.write_text(ptx)
        command = [ptxas, "-v", f"-arch=sm_{cc[0]}{cc[1]}", str(source), "-o", os.devnull]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if "Unsupported .version" in run.stderr:
            pytest.skip("compiled, but ptxas is older than the compiler")
        assert run.returncode == 0, (name, run.stderr)
        spilled = re.findall(r"(\d+) bytes spill", run.stderr)
        assert spilled, (name, run.stderr)
        assert set(spilled) == {"0"}, (name, run.stderr)
