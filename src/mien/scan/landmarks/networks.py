"""Mien's own landmark networks run in NumPy: five channels of rendered geometry in, points out.

The same sums as `mien.nets.landmarks`, which trains them; torch is not needed here.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.assets import asset_path

POINTS = 68

Tensors = dict[str, np.ndarray]


@lru_cache(maxsize=1)
def shipped() -> tuple[Tensors, Tensors]:
    """The finder's and the landmark network's weights as shipped."""
    return read_weights(asset_path("landmarks.safetensors"))


def read_weights(path: Path) -> tuple[Tensors, Tensors]:
    """Weights and biases by layer, float32, of a file written by training."""
    from safetensors.numpy import load_file

    tensors = load_file(path)
    nets: tuple[Tensors, Tensors] = ({}, {})
    for name, values in tensors.items():
        room, layer = name.split(".", 1)
        nets[("finder", "points").index(room)][layer] = values.astype(np.float32)
    return nets


def run_finder(weights: Tensors, images: Float[np.ndarray, "B 5 64 64"]) -> Float[np.ndarray, "B 12"]:
    """What `FinderNet.forward` gives."""
    x = _channels_last(images)
    for i, stride in enumerate((2, 2, 2, 1, 2, 1)):
        x = _relu(_conv(weights, f"layers.{i}", x, stride))
    flat = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    return _linear(weights, "out", _relu(_linear(weights, "hidden", flat)))


def run_points(
    weights: Tensors, images: Float[np.ndarray, "B 5 128 128"]
) -> tuple[Float[np.ndarray, "B 68 3"], Float[np.ndarray, "B 68"], Float[np.ndarray, " B"]]:
    """What `LandmarkNet.forward` gives."""
    stem = _stage(weights, "stem", _channels_last(images), (2, 2), 1)
    middle = _stage(weights, "middle", stem, (2,), 2)
    deep = _stage(weights, "deep", middle, (2,), 2)
    middle = _relu(middle + _twice(_conv(weights, "up_middle", deep)))
    middle = _relu(_conv(weights, "mix_middle", middle))
    fine = _conv(weights, "skip_stem", stem) + _twice(_conv(weights, "up_stem", middle))
    fine = _relu(_conv(weights, "mix_stem", _relu(fine)))
    points = integrate(_conv(weights, "maps", fine))
    b, h, w, c = deep.shape
    pooled = deep.reshape(b, h // 4, 4, w // 4, 4, c).mean(axis=(2, 4)).transpose(0, 3, 1, 2).reshape(b, -1)
    last = _linear(weights, "out", _relu(_linear(weights, "hidden", pooled)))
    return points, last[:, :POINTS], last[:, POINTS]


def _stage(
    weights: Tensors, name: str, x: np.ndarray, strides: tuple[int, ...], residuals: int
) -> np.ndarray:
    for i, stride in enumerate(strides):
        x = _relu(_conv(weights, f"{name}.{i}", x, stride))
    for i in range(len(strides), len(strides) + residuals):
        inner = _relu(_conv(weights, f"{name}.{i}.first", x))
        x = _relu(x + _conv(weights, f"{name}.{i}.second", inner))
    return x


def _channels_last(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1), np.float32)


def _conv(weights: Tensors, name: str, x: np.ndarray, stride: int = 1) -> np.ndarray:
    """A 'same' convolution with stride, (B, H, W, C) in and out, as one matrix product."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    outputs, inputs, size, _ = weight.shape
    if size > 1:
        pad = size // 2
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        x = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    b, h, w = x.shape[:3]
    product = x.reshape(b * h * w, inputs * size * size) @ weight.reshape(outputs, -1).T
    return (product + bias).reshape(b, h, w, outputs)


def _linear(weights: Tensors, name: str, x: np.ndarray) -> np.ndarray:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def _twice(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=1).repeat(2, axis=2)


def integrate(maps: Float[np.ndarray, "B H W 136"]) -> Float[np.ndarray, "B 68 3"]:
    """Mean position (x right, y down) and depth under the softmax of each point's score map."""
    b, h, w, _ = maps.shape
    flat = maps.reshape(b, h * w, 2 * POINTS)
    score = flat[..., :POINTS]
    chance = np.exp(score - score.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    grid = ((np.arange(h) + 0.5) * (2.0 / h) - 1.0).astype(np.float32)
    x = np.einsum("bnk,n->bk", chance, np.tile(grid, h))
    y = np.einsum("bnk,n->bk", chance, np.repeat(grid, w))
    z = (chance * flat[..., POINTS:]).sum(axis=1)
    return np.stack([x, y, z], axis=2)
