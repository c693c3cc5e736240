"""Slow, obvious twins of the kernels: plain Python and numpy, written to be read.

Every kernel is compared with its twin on small random inputs.
"""

import numpy as np

# --- SLIC and connectivity -------------------------------------------------------------------


# --- graphs: adjacency, merging, entropy rate, graph segmentation -----------------------------
