"""The state of a torch net as plain arrays, which pickle, hash and save the same anywhere."""

import numpy as np


def net_arrays(net):
    """Copy the state of a net: {name: C-contiguous ndarray}."""
    return {k: np.array(v.cpu().numpy(), order="C") for k, v in net.state_dict().items()}


def load_arrays(net, arrays):
    """Fill a net with what ``net_arrays`` returned; the arrays stay the caller's."""
    import torch

    net.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()})
