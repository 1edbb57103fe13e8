"""Which calls may be changed: only where the changed call is plausible given the neighbours.

A mark at a random cell of dense data stands out against its neighbours, and an attacker's reverting it improves the
data. So each variant has a linear predictor from its best neighbours, learnt from a sample of participants
and kept as integers, and a table, by predicted dosage, of the steps that are at least 0.08 times as
probable as the call itself. Integers only after training: marker and detector agree to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

NEIGHBOURS = 16
HALO = 40
"""Variants on each side among which neighbours are looked for."""
BINS = 32
SCALE = 64
"""Weights are multiples of 1/64, dosages of 1/16."""
LEAST_ODDS = 0.08
LEAST_FREQUENCY = 0.05
TRAINING_SAMPLE = 4_000
ZERO_TO_ONE, ONE_TO_ZERO, ONE_TO_TWO, TWO_TO_ONE = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Model:
    """For every variant of a block: neighbours (offsets), weights, means, and the steps allowed by bin."""

    offsets: npt.NDArray[np.int16]
    weights: npt.NDArray[np.int16]
    means: npt.NDArray[np.int16]
    """16 × the mean dosage, of every variant of the block and its halo."""
    steps: npt.NDArray[np.uint8]
    densities: npt.NDArray[np.uint8]
    """Which of the rates' densities each variant has, or `budget.NO_MARKS`."""


def train(dosages: npt.NDArray[np.int8], first: int, last: int, forbidden: npt.NDArray[np.bool_]) -> Model:
    """The model of rows `first` to `last` of `dosages` (variants × training sample), all of one density.

    Rows outside are the halo. `forbidden` says which of the block's variants must not be touched.
    """
    rows, people = dosages.shape
    present = dosages >= 0
    counts = np.maximum(present.sum(axis=1), 1)
    means = np.where(present, dosages, 0).sum(axis=1) / counts
    centred = np.where(present, dosages - means[:, None], 0.0).astype(np.float32)
    block = last - first
    offsets = np.zeros((block, NEIGHBOURS), dtype=np.int16)
    weights = np.zeros((block, NEIGHBOURS), dtype=np.int16)
    covariance = centred[first:last] @ centred.T / people
    spread = np.maximum((centred**2).mean(axis=1), 1e-6)
    for v in range(block):
        at = first + v
        low, high = max(0, at - HALO), min(rows, at + HALO + 1)
        r2 = covariance[v, low:high] ** 2 / (spread[at] * spread[low:high])
        r2[at - low] = 0
        best = np.argsort(-r2, kind="stable")[:NEIGHBOURS]
        best = best[r2[best] > 4.0 / people]
        if not best.size:
            continue
        among = centred[low + best]
        gram = among @ among.T / people + np.diag(0.01 * spread[low + best] + 1e-3)
        solved = np.linalg.solve(gram.astype(np.float64), covariance[v, low:high][best].astype(np.float64))
        offsets[v, : best.size] = low + best - at
        weights[v, : best.size] = np.clip(np.rint(solved * SCALE), -500, 500)
    whole = np.rint(means * 16).astype(np.int16)
    bins = np.empty((block, people), dtype=np.uint8)
    predict(np.ascontiguousarray(dosages), first, offsets, weights, whole, bins)
    frequency = means[first:last] / 2
    rare = np.minimum(frequency, 1 - frequency) < LEAST_FREQUENCY
    steps = _steps(bins, dosages[first:last], rare | forbidden)
    return Model(offsets, weights, whole, steps, np.zeros(block, dtype=np.uint8))


def narrowed(model: Model, first: int, inner: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Model]:
    """The model of some of its block's variants, and the rows that it needs: their own, then those of neighbours.

    Rows count from the beginning of the halo, `inner` from that of the block, which is row `first`. Over those rows,
    the first of them row 0, the model predicts what the whole one does.
    """
    own = first + inner
    others = own[:, None] + model.offsets[inner]
    used = (model.weights[inner] != 0) & (others >= 0) & (others < model.means.size)
    rows = np.concatenate([own, np.setdiff1d(others[used], own)])
    place = np.zeros(model.means.size, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    offsets = place[np.where(used, others, own[:, None])] - np.arange(inner.size)[:, None]
    return rows, Model(
        offsets.astype(np.int16),
        np.where(used, model.weights[inner], 0).astype(np.int16),
        model.means[rows],
        model.steps[inner],
        model.densities[inner],
    )


def eligible_shares(
    dosages: npt.NDArray[np.int8], first: int, model: Model
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The share of cells that may be changed, and the allele frequency, of each variant of the model's block.

    Counted in people whom the model was not trained on, if there are others: it allows fewer steps to those it knows.
    """
    block = model.steps.shape[0]
    own = dosages[first : first + block]
    bins = np.empty(own.shape, dtype=np.uint8)
    predict(np.ascontiguousarray(dosages), first, model.offsets, model.weights, model.means, bins)
    allowed = np.take_along_axis(model.steps, bins.astype(np.int64), axis=1)
    bits = np.array([ZERO_TO_ONE, ONE_TO_ZERO | ONE_TO_TWO, TWO_TO_ONE, 0], dtype=np.uint8)
    share = ((allowed & bits[own]) > 0).mean(axis=1)
    present = own >= 0
    counts = np.maximum(present.sum(axis=1), 1)
    return np.asarray(share), np.asarray(np.where(present, own, 0).sum(axis=1) / (2 * counts))


def _steps(
    bins: npt.NDArray[np.uint8], dosages: npt.NDArray[np.int8], never: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    block = bins.shape[0]
    seen = np.zeros((block, BINS, 3))
    for g in range(3):
        row, column = np.nonzero(dosages == g)
        np.add.at(seen[:, :, g], (row, bins[row, column]), 1)
    steps = np.zeros((block, BINS), dtype=np.uint8)
    # "+ 1": a bin with few people must not allow a step on the strength of one of them
    for old, new, bit in ((0, 1, ZERO_TO_ONE), (1, 0, ONE_TO_ZERO), (1, 2, ONE_TO_TWO), (2, 1, TWO_TO_ONE)):
        allowed = seen[:, :, new] >= LEAST_ODDS * (seen[:, :, old] + 1) + 0.5
        steps |= (allowed * bit).astype(np.uint8)
    steps[never] = 0
    return steps


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def predict(dosages, first, offsets, weights, means, bins):  # type: ignore[no-untyped-def]
    """Writes into `bins` (variants × participants) the bin of each predicted dosage; integers throughout.

    `dosages` holds block and halo, the block from row `first`.
    """
    block, people = bins.shape
    rows = dosages.shape[0]
    row = np.empty(people, dtype=np.int32)
    for v in range(block):
        at = first + v
        start = np.int32(means[at]) * SCALE
        for s in range(people):
            row[s] = start
        for k in range(offsets.shape[1]):
            w = np.int32(weights[v, k])
            other = at + offsets[v, k]
            if w == 0 or other < 0 or other >= rows:
                continue
            m = np.int32(means[other])
            for s in range(people):
                g = np.int32(dosages[other, s])
                row[s] += w * (g * 16 - m) if g >= 0 else np.int32(0)
        for s in range(people):
            # 0..2 of dosage is 0..2048 here: 64 to a bin
            bins[v, s] = min(BINS - 1, max(0, row[s] >> 6))
