"""Two small convolutional networks that look at rendered geometry: one finds a face, one its 68 points.

Both read five channels: the surface's normal in camera axes (right, up, toward the viewer), depth (toward
the viewer, in half image widths) and coverage. Batch norms are folded away by `fold_batch_norm`.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 5
POINTS = 68
FINDER_SIZE = 64
LANDMARK_SIZE = 128
FINDER_OUTPUTS = 12  # presence, centre (3), log length, two axes (6), log error


class Conv(nn.Module):
    """Convolution, batch norm and, unless `linear`, a rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3, *, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        x = self.norm(self.conv(x))
        return x if self.linear else F.relu(x)


class Residual(nn.Module):
    """relu(x + conv(conv(x))): He et al. 2015 (arXiv 1512.03385)."""

    def __init__(self, width: int):
        super().__init__()
        self.first = Conv(width, width)
        self.second = Conv(width, width, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        return F.relu(x + self.second(self.first(x)))


class FinderNet(nn.Module):
    """From a 64 x 64 picture of a whole scan: is there a head, and where and how does its face look?"""

    def __init__(self) -> None:
        super().__init__()
        widths = ((CHANNELS, 24, 2), (24, 32, 2), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1))
        self.layers = nn.Sequential(*(Conv(i, o, s) for i, o, s in widths))
        self.hidden = nn.Linear(128 * 16, 96)
        self.out = nn.Linear(96, FINDER_OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 5, 64, 64) to (B, 12): presence logit; the face's centre (x right, y down, z toward the
        viewer) and the log of its length in half image widths; its left and up axes in camera axes (right,
        up, toward the viewer); the log of the expected error of those ten numbers."""
        return self.out(F.relu(self.hidden(self.layers(x).flatten(1))))


class LandmarkNet(nn.Module):
    """From a 128 x 128 crop: the 68 points in 3D by integral regression (Sun et al. 2018, arXiv 1711.08229),
    the error expected of each, and whether there is a face."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Conv(CHANNELS, 16, 2), Conv(16, 32, 2), Residual(32))
        self.middle = nn.Sequential(Conv(32, 64, 2), Residual(64), Residual(64))
        self.deep = nn.Sequential(Conv(64, 128, 2), Residual(128), Residual(128))
        self.up_middle = Conv(128, 64, size=1, linear=True)
        self.mix_middle = Conv(64, 64)
        self.up_stem = Conv(64, 48, size=1, linear=True)
        self.skip_stem = Conv(32, 48, size=1, linear=True)
        self.mix_stem = Conv(48, 48)
        self.maps = nn.Conv2d(48, 2 * POINTS, 1)
        self.hidden = nn.Linear(128 * 4, 96)
        self.out = nn.Linear(96, POINTS + 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 5, 128, 128) to points (B, 68, 3) (x right, y down, z toward the viewer, in half image
        widths from the middle), the log of their expected errors (B, 68), and presence logits (B)."""
        maps, log_error, presence = self.maps_of(x)
        return integrate_scores(maps), log_error, presence

    def maps_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`forward` before integration: (B, 136, 32, 32), scores and depths."""
        stem = self.stem(x)
        middle = self.middle(stem)
        deep = self.deep(middle)
        middle = self.mix_middle(F.relu(middle + _twice(self.up_middle(deep))))
        fine = self.mix_stem(F.relu(self.skip_stem(stem) + _twice(self.up_stem(middle))))
        pooled = F.avg_pool2d(deep, 4).flatten(1)
        last = self.out(F.relu(self.hidden(pooled))).float()
        return self.maps(fine).float(), last[:, :POINTS], last[:, POINTS]


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def integrate_scores(maps: Tensor) -> Tensor:
    """(B, 136, H, W), scores and depths, to the mean (B, 68, 3) of both under softmax(score)."""
    scores, depths = maps.split(POINTS, dim=1)
    return mean_under(scores.flatten(2).softmax(dim=2), depths.flatten(2))


def mean_under(chance: Tensor, depths: Tensor) -> Tensor:
    """(B, 68, 3): mean place and depth under probabilities (B, 68, H * H) of the cells."""
    size = round(chance.shape[2] ** 0.5)
    grid = (torch.arange(size, device=chance.device) + 0.5) * (2.0 / size) - 1.0
    cells = torch.stack([grid.repeat(size), grid.repeat_interleave(size)], dim=1)
    return torch.cat([chance @ cells, (chance * depths).sum(2, keepdim=True)], dim=2)


def fold_batch_norm(net: nn.Module) -> dict[str, np.ndarray]:
    """Weights and biases by layer name, float32, each batch norm folded into the convolution before it."""
    tensors: dict[str, np.ndarray] = {}
    for name, layer in net.named_modules():
        if isinstance(layer, Conv):
            mean, variance = layer.norm.running_mean, layer.norm.running_var
            assert mean is not None
            assert variance is not None
            scale = layer.norm.weight / torch.sqrt(variance + layer.norm.eps)
            weight = layer.conv.weight * scale[:, None, None, None]
            bias = layer.norm.bias - mean * scale
        elif isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and not name.endswith(".conv")):
            assert layer.bias is not None
            weight, bias = layer.weight, layer.bias
        else:
            continue
        tensors[f"{name}.weight"] = weight.detach().float().numpy().copy()
        tensors[f"{name}.bias"] = bias.detach().float().numpy().copy()
    return tensors
