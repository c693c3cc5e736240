"""1x1 convolutions that give the same bits on any number of threads."""

import torch

__all__ = ["pointwise"]

# the function is not in torch's documentation
_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch, "mkldnn_convolution")


def pointwise(convolution, x):
    """Return what a 1x1 convolution does.

    On one thread torch does not leave it to oneDNN, as it does on several, and gives other bits.
    """
    plain = x.is_cpu and x.dtype == torch.float32 and _HAS_ONEDNN
    if not plain or torch.is_grad_enabled() or torch.jit.is_tracing():
        return convolution(x)
    weight, bias, one = convolution.weight, convolution.bias, (1, 1)
    return torch.mkldnn_convolution(x, weight, bias, (0, 0), one, one, 1)
