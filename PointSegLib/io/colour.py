"""Colour frames to grey: tissue is kept, colour overlays (ECG, coloured text, colour bar, Doppler) are suppressed.

Scanners show tissue in grey or in one tinted map (sepia, blue). Whatever departs from that map was drawn over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LIT = 24
OVERLAY_DISTANCE = 36
TINT_SHARE = 0.7
NEUTRAL, NEUTRAL_SHARE = 8, 0.2
SAME_HUE = 0.8
NEUTRAL_RANGE = 20
LEVELS = 16


@dataclass(frozen=True, eq=False)
class TissueMap:
    """The colour that tissue has at each luminance.

    Attributes:
        colours: float32 `[256, 3]`, the map's red, green, blue for luminance 0..255.
        tinted: whether the map is another one than plain grey.
    """

    colours: np.ndarray
    tinted: bool


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Rec. 601 luma of uint8 `[..., 3]` as uint8 `[...]`; exact for grey (r = g = b gives that value)."""
    red, green, blue = (rgb[..., i].astype(np.uint16) for i in range(3))
    return ((77 * red + 150 * green + 29 * blue + 128) >> 8).astype(np.uint8)


def fit_tissue_map(rgb: np.ndarray) -> TissueMap:
    """Learn from one or more frames whether tissue is shown in grey or in a tinted map.

    Args:
        rgb: uint8 `[..., H, W, 3]`.

    Returns:
        Plain grey, unless most lit pixels share one tinted map.
    """
    pixels = rgb.reshape(-1, 3)
    grey = np.repeat(np.arange(256, dtype=np.float32)[:, None], 3, 1)
    pixels = pixels[luminance(pixels) >= LIT]
    chroma = _brightest(pixels) - _darkest(pixels)
    if len(pixels) == 0 or (chroma <= OVERLAY_DISTANCE).mean() >= 0.5 or (chroma <= NEUTRAL).mean() >= NEUTRAL_SHARE:
        return TissueMap(grey, tinted=False)
    colours = _median_colours(pixels)
    if not _one_hue(colours):
        return TissueMap(grey, tinted=False)
    distance = np.abs(pixels - colours[luminance(pixels)]).max(1)
    follows = (distance <= OVERLAY_DISTANCE).mean() >= TINT_SHARE
    return TissueMap(colours, tinted=True) if follows else TissueMap(grey, tinted=False)


def to_grey(rgb: np.ndarray, tissue: TissueMap) -> np.ndarray:
    """Convert one frame to grey, with overlays suppressed to their darkest channel.

    Args:
        rgb: uint8 `[H, W, 3]`.
        tissue: from `fit_tissue_map` of the same clip.

    Returns:
        uint8 `[H, W]`.
    """
    grey = luminance(rgb)
    off_map = np.abs(rgb - tissue.colours[grey]).max(-1) if tissue.tinted else _brightest(rgb) - _darkest(rgb)
    return np.where(off_map > OVERLAY_DISTANCE, _darkest(rgb), grey)


def stored_space(raw: np.ndarray) -> str | None:
    """Tell from the values whether three stored channels are RGB or YBR, whatever the file's tag says.

    Most of an ultrasound screen is neutral: equal channels in RGB, both chroma channels near 128 in YBR.

    Args:
        raw: uint8 `[H, W, 3]` as stored.

    Returns:
        "RGB", "YBR", or None when the values do not tell.
    """
    as_rgb = float((_brightest(raw) - _darkest(raw) <= NEUTRAL_RANGE).mean())
    as_ybr = float((np.abs(raw[..., 1:].astype(np.int16) - 128).max(-1) <= NEUTRAL_RANGE).mean())
    if max(as_rgb, as_ybr) < 0.5 or abs(as_rgb - as_ybr) < 0.2:
        return None
    return "RGB" if as_rgb > as_ybr else "YBR"


def ybr_to_rgb(ybr: np.ndarray) -> np.ndarray:
    """Convert full-range YBR (DICOM YBR_FULL, PS3.3 C.7.6.3.1.2) uint8 `[..., 3]` to RGB uint8 `[..., 3]`."""
    y, blue, red = (ybr[..., i].astype(np.float32) for i in range(3))
    blue, red = blue - 128, red - 128
    rgb = np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def _brightest(rgb: np.ndarray) -> np.ndarray:
    # Three times faster than max over a last axis of three.
    return np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])


def _darkest(rgb: np.ndarray) -> np.ndarray:
    return np.minimum(np.minimum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])


def _one_hue(colours: np.ndarray) -> bool:
    """Whether a map `[256, 3]` leans to one side of grey all along, as tints do and Doppler's red and blue do not."""
    lean = colours - colours.mean(1, keepdims=True)
    size = np.linalg.norm(lean, axis=1)
    directions = lean[size > NEUTRAL] / size[size > NEUTRAL, None]
    return bool(len(directions)) and bool((directions @ directions.T).min() >= SAME_HUE)


def _median_colours(pixels: np.ndarray) -> np.ndarray:
    """The median colour per band of luminance, interpolated to 256 levels; black at 0."""
    level = luminance(pixels)
    knots, medians = [0.0], [np.zeros(3)]
    for low in range(0, 256, 256 // LEVELS):
        band = pixels[(level >= low) & (level < low + 256 // LEVELS)]
        if len(band) >= 8:
            knots.append(float(np.median(luminance(band))))
            medians.append(np.median(band, axis=0))
    table = np.array(medians)
    return np.stack([np.interp(np.arange(256), knots, table[:, i]) for i in range(3)], 1).astype(np.float32)
