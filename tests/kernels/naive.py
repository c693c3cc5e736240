"""Slow, obvious twins of the kernels: plain Python and numpy, written to be read.

Every kernel is compared with its twin on small random inputs.
"""


# --- SLIC and connectivity -------------------------------------------------------------------


# --- graphs: adjacency, merging, entropy rate, graph segmentation -----------------------------
