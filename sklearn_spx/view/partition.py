"""The regions of one image: atoms, which merges bring them together, and what people joined.

A segmentation comes as a label image of atoms and a merge tree. ``cut`` says how many of the
tree's merges are done. Both are sent to the browser once, which cuts the tree itself; the server
does it in the same way where it has to know regions.

    atoms -> groups[atoms] -> regions
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..kernels import merge_heights, merge_regions
from ..methods.deep_embedding.hierarchy import join_heights

__all__ = ["Partition", "make_partition"]


@dataclass(frozen=True, eq=False)
class Partition:
    """Which atoms make a region. Nothing of it changes; edits make another one."""

    alive: NDArray[np.bool_]  # (n_atoms,) whether any pixel has that number
    edges: NDArray[np.int32]  # (n_edges, 2) neighbours that the tree brings together
    ranks: NDArray[np.float64]  # (n_edges,) by which of its merges
    heights: NDArray[np.float64]  # (n_merges,) of the tree as it was computed
    cut: int  # the merges before this one are done
    joins: tuple = ()  # pairs of atoms that a person joined, whatever the cut

    @cached_property
    def tree(self):
        """The merges that are left, (n, 2) pairs of atoms and (n,) ranks, by rank."""
        if not self.alive.size:
            return np.empty((0, 2), np.int32), np.empty(0, np.int32)
        kept = merge_heights(self.edges, self.ranks, len(self.alive))[1]
        return self.edges[kept], self.ranks[kept].astype(np.int32)

    @cached_property
    def groups(self):
        """The region of each atom, int32 (n_atoms,)."""
        if not self.alive.size:
            return np.empty(0, np.int32)
        pairs, ranks = self.tree
        joins = np.array(self.joins, np.int32).reshape(-1, 2)
        done = np.concatenate([pairs[ranks < self.cut], joins])
        return merge_regions(done, np.zeros(len(done)), len(self.alive), 0.0)

    @property
    def n_regions(self):
        """How many regions there are."""
        return len(np.unique(self.groups[self.alive]))

    def with_cut(self, cut):
        """The same with another number of merges done."""
        return replace(self, cut=cut)

    def with_joined(self, regions):
        """The same with some regions made one."""
        _, atoms = np.unique(self.groups, return_index=True)
        found = atoms[np.asarray(regions)].tolist()
        return replace(self, joins=self.joins + tuple(pairwise(found)))

    def with_pieces(self, gone, n_pieces):
        """The same without some atoms, and with new ones after the last, which the tree leaves."""
        alive = np.concatenate([self.alive & ~gone, np.ones(n_pieces, bool)])
        kept = ~gone[self.edges].any(axis=1)
        return replace(
            self,
            alive=alive,
            edges=self.edges[kept],
            ranks=self.ranks[kept],
            joins=self._joins_without(gone),
        )

    def _joins_without(self, gone):
        """The joins of what stays; where an atom that goes held others together, directly."""
        if not self.joins or not gone[np.array(self.joins)].any():
            return self.joins
        joins = np.array(self.joins, np.int32)
        whole = merge_regions(joins, np.zeros(len(joins)), len(self.alive), 0.0)
        left = np.unique(joins[~gone[joins]])
        firsts = {int(whole[atom]): int(atom) for atom in left[::-1]}
        pairs = ((firsts[int(whole[atom])], int(atom)) for atom in left)
        return tuple((first, atom) for first, atom in pairs if first != atom)


def make_partition(n_atoms, edges, merges, heights, cut):
    """Return the Partition of a merge tree over atoms 0 .. n - 1, none of them without pixels."""
    ranks = join_heights(n_atoms, merges, np.arange(len(merges), dtype=float), edges)
    joined = np.isfinite(ranks)
    return Partition(
        alive=np.ones(n_atoms, bool),
        edges=np.ascontiguousarray(edges[joined], np.int32),
        ranks=ranks[joined],
        heights=np.asarray(heights, float),
        cut=cut,
    )
