"""Every package installed here is pinned in a file: python .ci/check_pins.py constraints.txt."""

import re
import sys
from importlib.metadata import distributions

OF_THE_VENV = {"pip", "setuptools", "sklearn-spx", "wheel"}
OF_TORCH = re.compile("nvidia-|cuda-|triton$")  # built for CUDA, torch itself pins these

with open(sys.argv[1], encoding="utf-8") as file:
    lines = [line.split(";")[0].strip() for line in file if not line.startswith("#")]
pinned = dict(line.split("==") for line in lines if line)
wrong = []
for distribution in distributions():
    name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
    version = distribution.version.split("+")[0]  # "2.13.0+cpu" is a build of 2.13.0
    if name not in OF_THE_VENV and not OF_TORCH.match(name) and pinned.get(name) != version:
        wrong.append(f"{name} {version} is installed; {sys.argv[1]} has {pinned.get(name)}")
sys.exit("\n".join(sorted(wrong)) or 0)
