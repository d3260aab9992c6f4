"""The losses of section 2.3 of the paper: Eq. 2 (points), Eq. 3 (masks) and Eq. 4 (temporal smoothness)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.model.deformable import sample_map
from PointSegLib.model.tracker import TrackedPoints

IGNORED = -100
# root mean square displacement in units of the image side, 1 pixel of 256
LEAST_MOTION = 1 / 256


def point_loss(
    predicted: TrackedPoints, xy: Tensor, visible: Tensor, weight_position: float, weight_visibility: float
) -> Tensor:
    """Eq. 2: the L1 distance of every layer's trajectories and the cross-entropy of the last layer's visibility.

    Points outside the image are left out of the L1 term, which is 0 where none is inside; hidden points inside it
    count. As in TAPTRv2 the position after the attention-based update is supervised like the layer's own output.

    Args:
        predicted: of B clips, N points, T frames.
        xy: `[B, N, T, 2]` true normalised positions.
        visible: bool `[B, N, T]`.
        weight_position: w_L, on distances in units of the image side, averaged over points, frames and axes.
        weight_visibility: w_V.
    """
    inside = ((xy > 0) & (xy < 1)).all(-1)
    count = inside.sum().clamp(min=1) * xy.shape[-1]
    position = sum((estimate - xy).abs()[inside].sum() / count for estimate in predicted.xy + predicted.updated)
    seen = F.binary_cross_entropy_with_logits(predicted.visible, visible.float())
    return weight_position * position + weight_visibility * seen


def matching_loss(matching: list[Tensor], xy: Tensor, visible: Tensor) -> Tensor:
    """Cross-entropy of the correlation with every cell of a frame against the cell the tissue moved to.

    Not in the paper, whose tracker starts from pretrained weights: it gives the correlation's features a direct reason
    to tell one piece of speckle from another, which trajectories alone teach slowly.

    Args:
        matching: per level `[B, T, N, h, w]` logits.
        xy: `[B, N, T, 2]` true normalised positions.
        visible: bool `[B, N, T]`; only visible points count, and where there is none the loss is 0.
    """
    wanted = xy.transpose(1, 2)
    counted = (visible & ((xy > 0) & (xy < 1)).all(-1)).transpose(1, 2)
    count = counted.sum().clamp(min=1)
    total = xy.new_zeros(())
    for logits in matching:
        height, width = logits.shape[-2:]
        cell = (wanted * wanted.new_tensor([width, height])).long()
        index = cell[..., 1].clamp(0, height - 1) * width + cell[..., 0].clamp(0, width - 1)
        # to ignore rows is cheaper than to copy the others out of a volume of many millions
        index = torch.where(counted, index, IGNORED).flatten()
        rows = logits.flatten(0, 2).flatten(1).float()
        total = total + F.cross_entropy(rows, index, ignore_index=IGNORED, reduction="sum") / count
    return total / len(matching)


def step_loss(steps: list[Tensor], xy: Tensor, visible: Tensor) -> Tensor:
    """L1 distance between how far every level saw the tissue go from frame to frame and how far it went.

    Not in the paper. Near a point its neighbours move as it does, so a step is right even where the estimate is not.

    Args:
        steps: per layer `[B, N, T - 1, L, 2]` normalised steps.
        xy: `[B, N, T, 2]` true normalised positions.
        visible: bool `[B, N, T]`; only points seen in both frames count, and where there is none the loss is 0.
    """
    went = (xy[:, :, 1:] - xy[:, :, :-1]).unsqueeze(-2)
    counted = visible[:, :, 1:] & visible[:, :, :-1]
    count = counted.sum().clamp(min=1) * steps[0].shape[-2] * xy.shape[-1]
    return torch.stack([(step - went).abs()[counted].sum() / count for step in steps]).sum()


def gain_loss(estimates: list[Tensor], where: Tensor, xy: Tensor, visible: Tensor) -> Tensor:
    """How far the slope of the found displacements on the true ones is from 1, of every clip.

    Not in the paper. An L1 distance is least at the median of all that a piece of tissue may have done, which lies
    nearer to rest than what it did: tracks learnt by it alone fall short, and so does every strain read from them.
    The mean of two: of displacements as they are, and without what all points do together, which is deformation.

    Args:
        estimates: per layer `[B, N, T, 2]` normalised positions.
        where: `[B, N, 2]` normalised positions in the query frames.
        xy: `[B, N, T, 2]` true normalised positions.
        visible: bool `[B, N, T]`; only visible points count, and only in clips whose points move by `LEAST_MOTION`.
    """
    counted = visible.unsqueeze(-1).float()
    shared = counted.sum(1, keepdim=True).clamp(min=1)

    def both(positions: Tensor) -> Tensor:
        gone = (positions - where.unsqueeze(2)) * counted
        return torch.stack([gone, (gone - gone.sum(1, keepdim=True) / shared) * counted])

    went = both(xy)
    power = went.square().sum((2, 3, 4))
    moved = power > LEAST_MOTION**2 * counted.sum((1, 2, 3))
    total = xy.new_zeros(())
    for positions in estimates:
        gain = (both(positions) * went).sum((2, 3, 4)) / power.clamp(min=1e-12)
        total = total + ((1 - gain).abs() * moved).sum() / moved.sum().clamp(min=1)
    return total


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Soft Dice loss, averaged over frames and classes.

    Args:
        logits: `[..., K, H, W]`.
        target: `[..., K, H, W]` in 0..1; may be soft where masks were resampled.
    """
    probability = logits.sigmoid()
    overlap = (probability * target).sum((-2, -1))
    total = (probability + target).sum((-2, -1))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def mask_loss(layers: list[Tensor], target: Tensor, layer_weights: tuple[float, ...], weight_bce: float) -> Tensor:
    """Eq. 3: Dice over the masks of all layers, deep supervision by `layer_weights`.

    Args:
        layers: logits `[B, T, K, h, w]` per fusion layer, enlarged to the target's size where they are smaller.
        target: `[B, T, K, H, W]`.
        layer_weights: w_M^n, one per layer.
        weight_bce: weight of a cross-entropy term beside Dice (0 as in the paper); it speeds up short trainings.
    """
    total = target.new_zeros(())
    size = target.shape[-2:]
    for logits, weight in zip(layers, layer_weights, strict=True):
        fine = F.interpolate(logits.float().flatten(0, 1), size, mode="bilinear", align_corners=False)
        fine = fine.unflatten(0, target.shape[:2])
        total = total + weight * dice_loss(fine, target)
        if weight_bce:
            total = total + weight * weight_bce * F.binary_cross_entropy_with_logits(fine, target)
    return total


def temporal_loss(layers: list[Tensor], xy: Tensor, visible: Tensor, layer_weights: tuple[float, ...]) -> Tensor:
    """Eq. 4: a tracked point should have the same mask value in every frame.

    Normalised as the mean over classes and over all visible pairs of frames of all points; the sum over pairs is
    formed without forming pairs: sum_{i<j} (a_i - a_j)^2 = n sum a_i^2 - (sum a_i)^2.

    Args:
        layers: logits `[B, T, K, H, W]` per fusion layer.
        xy: `[B, N, T, 2]` normalised tracked positions.
        visible: `[B, N, T]`, 1 where the point is seen.
        layer_weights: w_T^n, one per layer.
    """
    batch, count, frames, _ = xy.shape
    where = xy.transpose(1, 2).reshape(batch * frames, count, 2)
    weight = visible.float()[:, :, :, None]
    seen = weight.sum(2)
    pairs = (seen * (seen - 1) / 2).sum().clamp(min=1.0)
    total = xy.new_zeros(())
    for logits, layer_weight in zip(layers, layer_weights, strict=True):
        values = sample_map(logits.float().sigmoid().flatten(0, 1), where)
        values = values.unflatten(0, (batch, frames)).transpose(1, 2) * weight
        difference = seen * values.square().sum(2) - values.sum(2).square()
        total = total + layer_weight * difference.sum() / (pairs * values.shape[-1])
    return total


def mask_targets(labels: Tensor, class_labels: tuple[int, ...], stride: int) -> Tensor:
    """One soft mask per class at the stride of the predictions: uint8 `[B, T, H, W]` to `[B, T, K, h, w]`."""
    masks = torch.stack([labels == value for value in class_labels], 2).float()
    return F.avg_pool2d(masks.flatten(0, 1), stride).unflatten(0, labels.shape[:2])
