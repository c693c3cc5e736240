"""Where nets run."""


def torch_device(device):
    """Return "cpu" or "cuda" for ``device``, which may also be "auto"; never a silent fallback."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device='cuda', but torch finds no GPU; accepted is 'cpu' or 'auto'")
    return device
