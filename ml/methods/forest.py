"""Class probabilities by a random forest (Breiman 2001), kept as the arrays of its trees: no object is ever stored."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_ARRAYS = ("roots", "left", "right", "feature", "threshold", "null_left", "shares")


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees as one table of nodes.

    ``roots`` is the first node of each tree; of each node ``left`` and ``right`` are the nodes below (-1 in a leaf), ``feature`` is the
    column compared with ``threshold`` (at most: left), ``null_left`` whether a null goes left, ``shares`` (nodes, classes) the classes of
    the training rows in it.
    """

    roots: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    null_left: np.ndarray
    shares: np.ndarray

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Mean over the trees of the shares in each row's leaf.

        Parameters
        ----------
        values
            Shape (rows, features), float32; nulls are allowed.

        Returns
        -------
        numpy.ndarray
            Shape (rows, classes); each row sums to 1.
        """
        stated = np.zeros((len(values), self.shares.shape[1]))
        rows = np.arange(len(values))
        for root in self.roots:
            node = np.full(len(values), root)
            while (inner := self.left[node] >= 0).any():
                found = values[rows, np.where(inner, self.feature[node], 0)]
                goes_left = np.where(np.isnan(found), self.null_left[node], found <= self.threshold[node])
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            stated += self.shares[node]
        return stated / len(self.roots)

    def to_bytes(self) -> bytes:
        """Write the arrays as ``.npz`` without pickled objects; equal forests give equal bytes."""
        stream = io.BytesIO()
        np.savez_compressed(stream, **{name: getattr(self, name) for name in _ARRAYS})
        return stream.getvalue()


def load_forest(content: bytes) -> Forest:
    """Inverse of :meth:`Forest.to_bytes`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return Forest(**{name: arrays[name] for name in _ARRAYS})


def fit_forest(values: np.ndarray, codes: np.ndarray, *, classes: int, params: Mapping[str, Any], seed: int) -> tuple[Forest, np.ndarray]:
    """Grow the trees.

    Parameters
    ----------
    values
        Shape (rows, features), float32; nulls are allowed.
    codes
        Class of each row, 0 to ``classes`` - 1; some may be absent and then have probability 0.
    params
        Settings of scikit-learn's RandomForestClassifier.

    Returns
    -------
    Forest, numpy.ndarray
        And the share of each feature in the impurity that the splits took away.
    """
    from sklearn.ensemble import RandomForestClassifier

    grown = RandomForestClassifier(**params, n_jobs=1, random_state=seed).fit(values, codes)
    trees = [tree.tree_ for tree in grown.estimators_]
    sizes = [tree.node_count for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    left, right = (
        np.concatenate(
            [np.where(getattr(tree, side) >= 0, getattr(tree, side) + root, -1) for tree, root in zip(trees, roots, strict=True)]
        )
        for side in ("children_left", "children_right")
    )
    shares = np.zeros((sum(sizes), classes))
    shares[:, grown.classes_.astype(int)] = np.concatenate([tree.value[:, 0, :] for tree in trees])
    forest = Forest(
        roots.astype(np.int32),
        left.astype(np.int32),
        right.astype(np.int32),
        np.concatenate([tree.feature for tree in trees]).astype(np.int32),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate([tree.missing_go_to_left for tree in trees]).astype(bool),
        shares / shares.sum(axis=1, keepdims=True),
    )
    return forest, np.asarray(grown.feature_importances_)
