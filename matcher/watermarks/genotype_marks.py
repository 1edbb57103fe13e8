"""Genotype marks: which cells of a block carry a unit, what they are changed to, and reading them back.

`units_of_block` says it once for marker and detector: from source calls and K0 alone come the layer of every eligible
cell and the value that its mark has. The marker then draws the recipient's bit; the detector compares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from matcher.watermarks.codes import Rates
from matcher.watermarks.plausible import Model, predict
from matcher.watermarks.units import draw

Dosages = npt.NDArray[np.int8]
NO_UNIT = 255
TILE = 2_048
"""People marked at a time: some kilobytes of each neighbouring variant."""


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _layer(u, splits, density):  # type: ignore[no-untyped-def]
    """The layer that a K0 draw puts a unit in, where its variant has this density."""
    coded = splits.shape[1]
    if u >= splits[density, coded - 1]:
        return 0 if density == 0 else coded + density
    layer = 1
    while layer < coded and u >= splits[density, layer - 1]:
        layer += 1
    return layer


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _classify(dosages, bins, steps, densities, variants, participants, key, splits, skip, layers, marks):  # type: ignore[no-untyped-def]
    for v in range(dosages.shape[0]):
        some = False
        for b in range(steps.shape[1]):
            some = some or (steps[v, b] != 0 and densities[v] != 255)
        for s in range(dosages.shape[1]):
            layers[v, s] = 255
        if not some:
            continue
        for s in range(dosages.shape[1]):
            g = dosages[v, s]
            if g < 0 or skip[s]:
                continue
            allowed = steps[v, bins[v, s]]
            up = (g == 0 and allowed & 1) or (g == 1 and allowed & 4)
            down = (g == 2 and allowed & 8) or (g == 1 and allowed & 2)
            if not (up or down):
                continue
            u = draw(key[0], key[1], variants[v], participants[s])
            if up and down:
                up = (u & np.uint64(1)) == np.uint64(1)
            marks[v, s] = g + 1 if up else g - 1
            layers[v, s] = _layer(u, splits, np.int64(densities[v]))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _apply(dosages, layers, marks, variants, participants, key, thresholds):  # type: ignore[no-untyped-def]
    changed = 0
    for v in range(dosages.shape[0]):
        for s in range(dosages.shape[1]):
            layer = layers[v, s]
            if layer == 255:
                continue
            if draw(key[0], key[1], variants[v], participants[s]) < thresholds[layer]:
                dosages[v, s] = marks[v, s]
                changed += 1
    return changed


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def mark_cells(  # type: ignore[no-untyped-def]
    dosages, first, offsets, weights, means, steps, densities, variants, participants,
    key0, key, splits, thresholds, skip,
):  # fmt: skip
    """Everything of marking in one pass over a block, some people at a time, whose calls stay in a core's cache."""
    block, people = variants.size, participants.size
    out = np.empty((block, people), dtype=np.int8)
    tiles = (people + TILE - 1) // TILE
    changed = np.zeros(tiles, dtype=np.int64)
    some = np.zeros(block, dtype=np.bool_)
    for v in range(block):
        for b in range(steps.shape[1]):
            some[v] = some[v] or (steps[v, b] != 0 and densities[v] != 255)
    for tile in prange(tiles):
        row = np.empty(TILE, dtype=np.int32)
        which, units = np.empty(TILE, dtype=np.int64), np.empty(TILE, dtype=np.uint64)
        own, shared = np.empty(TILE, dtype=np.uint64), np.empty(TILE, dtype=np.uint64)
        low, high = tile * TILE, min(people, tile * TILE + TILE)
        for v in range(block):
            out[v, low:high] = dosages[first + v, low:high]
            if not some[v]:
                continue
            calls = out[v, low:high]
            _predict_some(dosages, first + v, offsets[v], weights[v], means, low, high, row)
            allowed = _allowed(steps[v])
            many = _eligible(calls, row, allowed, skip[low:high], participants[low:high], which, units)
            _draw_some(key, variants[v], units[:many], own)
            _draw_some(key0, variants[v], units[:many], shared)
            density = np.int64(densities[v])
            changed[tile] += _mark_some(
                calls, row, allowed, which[:many], own, shared, density, splits, thresholds
            )
    return out, changed.sum()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _predict_some(dosages, at, offsets, weights, means, low, high, row):  # type: ignore[no-untyped-def]
    """`plausible.predict` of one variant for the people from `low` to `high`, not yet cut into bins."""
    row[: high - low] = np.int32(means[at]) * np.int32(64)
    for k in range(offsets.size):
        w = np.int32(weights[k])
        other = at + offsets[k]
        if w == 0 or other < 0 or other >= dosages.shape[0]:
            continue
        beside = dosages[other, low:high]
        m = np.int32(means[other])
        for s in range(beside.size):
            g = np.int32(beside[s])
            row[s] += w * (g * np.int32(16) - m) if g >= 0 else np.int32(0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _allowed(steps):  # type: ignore[no-untyped-def]
    """By bin × call (3: missing): 1 where the call may go up, 2 where it may go down, 3 where either."""
    out = np.zeros(4 * steps.size, dtype=np.uint8)
    for b in range(steps.size):
        out[4 * b] = steps[b] & 1
        out[4 * b + 1] = (steps[b] >> 2) & 1 | (steps[b] & 2)
        out[4 * b + 2] = (steps[b] >> 2) & 2
    return out


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _place(predicted, call):  # type: ignore[no-untyped-def]
    return 4 * min(31, max(0, predicted >> 6)) + (call & 3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _eligible(calls, row, allowed, skip, participants, which, units):  # type: ignore[no-untyped-def]
    """Puts the places of the calls that may be changed, and their participants, side by side; answers how many."""
    many = 0
    for s in range(calls.size):
        which[many], units[many] = s, participants[s]
        many += (allowed[_place(row[s], calls[s])] != 0) & (not skip[s])
    return many


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _draw_some(key, variant, units, out):  # type: ignore[no-untyped-def]
    k0, k1 = key[0], key[1]
    for i in range(units.size):
        out[i] = draw(k0, k1, variant, units[i])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _mark_some(calls, row, allowed, which, own, shared, density, splits, thresholds):  # type: ignore[no-untyped-def]
    """Marks one variant's calls in place, by the recipient's and by the shared draws; answers how many were changed."""
    changed = 0
    coded = splits[density, splits.shape[1] - 1]
    sparse = thresholds[_layer(coded, splits, density)]
    for i in range(which.size):
        if own[i] >= sparse and shared[i] >= coded:
            continue
        if own[i] < thresholds[_layer(shared[i], splits, density)]:
            s = which[i]
            steps = allowed[_place(row[s], calls[s])]
            up = shared[i] & np.uint64(1) if steps == 3 else steps == 1
            calls[s] += 1 if up else -1
            changed += 1
    return changed


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _layers_of(seconds, variants, participants, key, splits, layers):  # type: ignore[no-untyped-def]
    for v in range(seconds.shape[0]):
        for s in range(seconds.shape[1]):
            layers[v, s] = 255
            if seconds[v, s] >= 0:
                u = draw(key[0], key[1], variants[v], participants[s])
                layers[v, s] = _layer(u, splits, 0)


def units_of_seconds(
    seconds: Dosages,
    variants: npt.NDArray[np.uint64],
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
    rates: Rates,
) -> tuple[npt.NDArray[np.uint8], Dosages]:
    """Imputed data: every ambiguous call is a unit, and its mark is the second call."""
    layers = np.empty(seconds.shape, dtype=np.uint8)
    _layers_of(seconds, variants, participants, key0, rates.ladder, layers)
    return layers, seconds


def mark_seconds(
    calls: Dosages,
    seconds: Dosages,
    variants: npt.NDArray[np.uint64],
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
    key: npt.NDArray[np.uint64],
    rates: Rates,
) -> tuple[Dosages, int]:
    """A block of imputed calls as the recipient gets them, and how many were changed."""
    layers, marks = units_of_seconds(seconds, variants, participants, key0, rates)
    out = calls.copy()
    return out, int(_apply(out, layers, marks, variants, participants, key, rates.thresholds))


def units_of_block(
    dosages: Dosages,
    first: int,
    model: Model,
    variants: npt.NDArray[np.uint64],
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
    rates: Rates,
    skip: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.uint8], Dosages]:
    """Layer (255: no unit) and mark value of every cell of a block; `dosages` holds the halo too."""
    block = variants.size
    skip = np.zeros(participants.size, dtype=bool) if skip is None else skip
    bins = np.empty((block, participants.size), dtype=np.uint8)
    predict(dosages, first, model.offsets, model.weights, model.means, bins)
    layers = np.empty(bins.shape, dtype=np.uint8)
    marks = np.zeros(bins.shape, dtype=np.int8)
    _classify(
        dosages[first : first + block],
        bins,
        model.steps,
        model.densities,
        variants,
        participants,
        key0,
        rates.ladder,
        skip,
        layers,
        marks,
    )
    return layers, marks


def mark_block(
    dosages: Dosages,
    first: int,
    model: Model,
    variants: npt.NDArray[np.uint64],
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
    key: npt.NDArray[np.uint64],
    rates: Rates,
    skip: npt.NDArray[np.bool_] | None = None,
) -> tuple[Dosages, int]:
    """The block's calls as the recipient gets them, and how many were changed."""
    skip = np.zeros(participants.size, dtype=bool) if skip is None else skip
    out, changed = mark_cells(
        dosages, first, model.offsets, model.weights, model.means, model.steps, model.densities, variants,
        participants, key0, key, rates.ladder, rates.thresholds, skip,
    )  # fmt: skip
    return out, int(changed)
