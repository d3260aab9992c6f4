"""The slope of noisy values in time, the same whatever the frame rate."""

from __future__ import annotations

import numpy as np

# A Gaussian of this width leaves a systole of 200 ms alone; where frames are farther apart, their distance is taken.
WIDTH_S = 0.025
# Below this share the places of the values near by are one place to the precision of the numbers.
_LEAST_SPREAD = 1e-6


def slope(values: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Slope at each time, of straight lines fitted around it with Gaussian weights in time.

    Args:
        values: float `[..., K]`; NaN are passed over.
        times_s: float `[K]`, increasing.

    Returns:
        float64 `[..., K]`, change per second; NaN where no two finite values are near.
    """
    values, times = np.asarray(values, np.float64), np.asarray(times_s, np.float64)
    width = max(WIDTH_S, float(np.median(np.diff(times))))
    away = (times - times[:, None]) / width
    weight = np.exp(-0.5 * away**2)
    known = np.isfinite(values).astype(np.float64)
    filled = np.nan_to_num(values)
    count, first, second = (known @ (weight * away**power).T for power in range(3))
    level, moment = (filled @ (weight * away**power).T for power in range(2))
    spread = count * second - first**2
    near = spread > _LEAST_SPREAD * count * second
    return np.where(near, (count * moment - first * level) / np.where(near, spread, 1.0), np.nan) / width
