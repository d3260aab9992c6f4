"""Claims about recipes: small files that name known settings."""

from __future__ import annotations

import pytest

from PointSegLib.errors import PointSegError
from PointSegLib.model import PRESETS
from PointSegLib.training import load_settings

RECIPES = ("paper", "small-cpu", "small-gpu-25min", "paper-gpu-25min")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("stage", ["tracker", "segmenter"])
def test_recipes_name_known_settings_and_presets(recipe, stage):
    settings = load_settings(recipe, stage)
    assert settings.preset in PRESETS
    assert settings.layer_weights == (0.25, 0.5, 1.0)
    assert settings.weight_temporal == (10.0 if (recipe, stage) == ("small-cpu", "segmenter") else 100.0)


@pytest.mark.parametrize(("recipe", "stages"), [("small-gpu-25min", 3), ("paper-gpu-25min", 2)])
def test_all_stages_of_a_25_minute_recipe_fit_in_25_minutes(recipe, stages):
    minutes = [load_settings(recipe, stage).minutes for stage in ("tracker", "segmenter", "stills")[:stages]]
    assert all(part > 0 for part in minutes)
    assert sum(minutes) <= 25


def test_paper_recipe_has_the_papers_rates():
    settings = load_settings("paper", "segmenter")
    assert (settings.learning_rate, settings.weight_decay) == (2e-4, 1e-4)
    assert (settings.clips, settings.accumulate, settings.weight_bce) == (1, 4, 0.0)


def test_command_line_overrides_the_recipe():
    assert load_settings("small-cpu", "tracker", minutes=3.0, seed=None).minutes == 3.0


def test_unknown_setting_is_named(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[tracker]\nlearning_speed = 3\n")
    with pytest.raises(PointSegError, match="'learning_speed'"):
        load_settings(recipe, "tracker")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('precision = "bf16"', "precision is 'bf16', but must be one of 32-true"),
        ('schedule = "linear"', "schedule is 'linear', but must be one of cosine"),
        ('preset = "huge"', "preset is 'huge'"),
        ("steps = 0", "steps is 0, but must be at least 1"),
        ("workers = -1", "workers is -1"),
        ("validation_share = 1.0", "validation_share is 1.0"),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path, line, message):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f"[tracker]\n{line}\n")
    with pytest.raises(PointSegError, match=message):
        load_settings(recipe, "tracker")


def test_missing_recipe_is_named():
    with pytest.raises(PointSegError, match="no such recipe"):
        load_settings("tiny-cpu", "tracker")
