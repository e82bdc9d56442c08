"""What the landmark networks are asked for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.nets.landmarks import POINTS, mean_under

JAW_WEIGHT = 0.4  # points along a contour are less well defined than corners
ERROR_WEIGHT = 0.02
MAP_WEIGHT = 0.03
PRESENCE_WEIGHT = 0.1


def points_loss(
    maps: Tensor, log_error: Tensor, presence: Tensor, true_points: Tensor, true_presence: Tensor
) -> Tensor:
    """Mean distance where there is a face; the cross entropy of the score maps, which teaches faster; the
    Laplacian likelihood of the predicted errors, which does not move the points; and that of presence.
    """
    scores, depths = maps.flatten(2).split(POINTS, dim=1)
    log_chance = scores.log_softmax(dim=2)
    points = mean_under(log_chance.exp(), depths)
    face = (true_presence > 0.5).float()
    known = (true_presence > -0.5).float()
    weight = torch.ones(68, device=points.device)
    weight[:17] = JAW_WEIGHT
    weight = weight / weight.sum()
    distance = torch.sqrt(((points - true_points) ** 2).sum(-1) + 1e-6)
    error = distance.detach() * torch.exp(-log_error) + log_error
    place = map_cross_entropy(log_chance, true_points)
    each = ((distance + ERROR_WEIGHT * error + MAP_WEIGHT * place) * weight).sum(1)
    cross = F.binary_cross_entropy_with_logits(presence, true_presence.clamp(0, 1), reduction="none")
    return (each * face).sum() / face.sum().clamp(min=1) + PRESENCE_WEIGHT * (cross * known).mean()


def map_cross_entropy(log_chance: Tensor, true_points: Tensor) -> Tensor:
    """(B, 68): cross entropy of log probabilities of the cells (B, 68, H * H) against the true position,
    shared bilinearly by the four cells about it, so that the best map's mean is the truth itself."""
    size = round(log_chance.shape[2] ** 0.5)
    cell = ((true_points[..., :2] + 1.0) * (size / 2) - 0.5).clamp(0, size - 1.001)
    low = cell.floor()
    far = cell - low
    corners = [(right, down) for right in (0, 1) for down in (0, 1)]
    index = torch.stack([(low[..., 1] + d) * size + low[..., 0] + r for r, d in corners], dim=2).long()
    near = torch.stack([1 - far, far])  # shares of the low and of the high cell
    share = torch.stack([near[r, ..., 0] * near[d, ..., 1] for r, d in corners], dim=2)
    return -(share * log_chance.gather(2, index)).sum(2)


def finder_loss(output: Tensor, true_pose: Tensor, head: Tensor) -> Tensor:
    """The same for the finder: its ten numbers share one expected error."""
    distance = (output[:, 1:11] - true_pose).abs().mean(1)
    log_error = output[:, 11]
    error = distance.detach() * torch.exp(-log_error) + log_error
    pose = ((distance + 0.1 * error) * head).sum() / head.sum().clamp(min=1)
    return 0.3 * pose + PRESENCE_WEIGHT * F.binary_cross_entropy_with_logits(output[:, 0], head)
