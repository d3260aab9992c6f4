"""Simulated corrections: where a user who sees the prediction would click, and what the click would say."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from PointSegLib.coordinates import pixel_to_unit
from PointSegLib.model.config import HINT_CAVITY, HINT_OUTSIDE, HINT_WALL
from PointSegLib.model.frames import labels_from_probabilities
from PointSegLib.result import BACKGROUND, LV_CAVITY, MYOCARDIUM

# a user clicks on errors a few pixels thick; thinner ones are left alone
_THICKNESS = 7


def draw_clicks(logits: Tensor, labels: Tensor, frames: Tensor, class_labels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """One click per clip and given frame, in the thick parts of what is wrong there.

    Only confusions with the wall or the cavity count. Where nothing is wrong the click confirms a random place.

    Args:
        logits: `[B, T, K, h, w]` of the present prediction.
        labels: uint8 `[B, T, H, W]`, what is so.
        frames: int64 `[M]`, the frames clicked in.
        class_labels: the label of each mask; what the network has no mask for is background to it.

    Returns:
        Normalised places `[B, M, 2]` and hints int64 `[B, M]`.
    """
    chosen = logits[:, frames].float().sigmoid()
    n_clips, height, width = len(labels), *chosen.shape[-2:]
    found = labels_from_probabilities(chosen.flatten(0, 1), class_labels)
    truth = F.interpolate(labels[:, frames].flatten(0, 1)[:, None].float(), (height, width), mode="nearest-exact")
    truth = truth[:, 0].to(torch.uint8)
    known = torch.isin(truth, truth.new_tensor(class_labels))
    wanted = torch.where(known, truth, BACKGROUND)
    matters = (truth == MYOCARDIUM) | (truth == LV_CAVITY) | (found == MYOCARDIUM) | (found == LV_CAVITY)
    wrong = ((found != wanted) & matters).float()[:, None]
    # the mean of a mean peaks in the middle of thick errors
    depth = wrong
    for _ in range(2):
        depth = F.avg_pool2d(depth, _THICKNESS, 1, _THICKNESS // 2)
    weight = (depth * wrong).flatten(1).pow(4) + 1e-8 * matters.flatten(1) + 1e-12
    index = torch.multinomial(weight, 1)[:, 0]
    hint = truth.new_full(truth.shape, HINT_OUTSIDE)
    hint[truth == MYOCARDIUM], hint[truth == LV_CAVITY] = HINT_WALL, HINT_CAVITY
    said = hint.flatten(1).gather(1, index[:, None])[:, 0].long()
    cells = torch.stack([index % width, index // width], -1).float()
    places = pixel_to_unit(cells, cells.new_tensor([width, height]))
    return places.unflatten(0, (n_clips, -1)), said.unflatten(0, (n_clips, -1))
