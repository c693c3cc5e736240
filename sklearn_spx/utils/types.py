"""Names of types in annotations: what estimators take and give."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Images", "Labels"]

Labels = list[NDArray[np.int32]] | NDArray[np.int32]


class Images(Protocol):
    """Images, masks or annotations, one an index: a list, a stacked array, a lazy collection."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Any: ...
