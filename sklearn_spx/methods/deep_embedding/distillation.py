"""What a net learns from another that has seen more of an image: knowledge distillation.

The teacher is shown each image as it is, in two sizes and mirrored; the mean of its embeddings says
how alike two superpixels are, and the mean of its boundaries how sure each is. Half of a target is
what the annotators say, half what the teacher says (Hinton et al., arXiv:1503.02531), so that one
look of the pupil comes near to four of the teacher.
"""

import numpy as np

from .model import as_tensor, several_views

SCALES, MIRROR = (1.0, 1.5), True  # of the teacher's views
SHARE = 0.5  # of a target


class Teacher:
    """What a trained net says of the images of a training.

    Parameters
    ----------
    net : torch.nn.Module
        The net, on the device where it is to run.

    pooling : {"mean", "max"}
        How it pools.
    """

    def __init__(self, net, pooling):
        self.net, self.pooling = net, pooling
        self.kept = {}  # in half precision, by image

    def embeddings_and_boundary(self, i, image, labels):
        """Of image i: float32 (n, 64) of its superpixels, and (height, width) probabilities."""
        import torch

        if i not in self.kept:
            rgb = as_tensor(image).to(next(self.net.parameters()).device)
            n, how = int(labels.max(initial=-1)) + 1, (self.pooling, SCALES, MIRROR)
            with torch.inference_mode():
                found = several_views(self.net, lambda: rgb, labels, n, *how)
            self.kept[i] = [part.half().cpu().numpy() for part in found]
        return [part.astype(np.float32) for part in self.kept[i]]


def soften(targets, embeddings, pairs):
    """Targets of pairs, half of which is the teacher's similarity (eq. 3), float32.

    All of it where no annotator can say.
    """
    a, b = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
    taught = 1 - np.tanh(np.abs(a - b).sum(1) / 2)
    mixed = (1 - SHARE) * targets + SHARE * taught
    return np.where(np.isnan(targets), taught, mixed).astype(np.float32)


def soften_boundary(share, boundary):
    """Boundaries of a map, half of which are the teacher's; all where no annotator can say."""
    mixed = (1 - SHARE) * share + SHARE * boundary
    return np.where(np.isnan(share), boundary, mixed).astype(np.float32)
