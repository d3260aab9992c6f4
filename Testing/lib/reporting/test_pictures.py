"""Pictures, report and movie: what they show is what was measured, and what is missing is said in them."""

from __future__ import annotations

import base64
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
from lib.measurement.beating import SIDE, beating, hidden

pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install .[report]")

from PointSegLib.errors import DependencyError, MeasurementError
from PointSegLib.measurement import measure, measure_biplane
from PointSegLib.reporting import (
    MeasuredClip,
    bulls_eye_figure,
    report_html,
    save_figure,
    strain_figure,
    volume_figure,
    wall_figure,
    write_report,
    write_strain_movie,
)
from PointSegLib.reporting.bulls_eye import segment_values, strain_colour
from PointSegLib.reporting.strain_movie import draw_strain_frame


@pytest.fixture(scope="module")
def heart() -> MeasuredClip:
    result, clip = beating(24, source="a <b> & c.dcm")
    return MeasuredClip(clip, measure(result, clip, "A4C"))


@pytest.fixture(scope="module")
def doubtful() -> MeasuredClip:
    result, clip = beating(24)
    return MeasuredClip(clip, measure(hidden(result, result.tracks.xy[:, 0, 0] < SIDE / 2), clip, "A4C"))


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda part: hasattr(part, "get_text")))


def test_strain_is_drawn_for_each_segment_and_globally(heart):
    figure = strain_figure(heart.measurements)
    assert {"basal inferoseptal", "apical anterolateral", "global"} <= {
        line.get_label() for line in figure.axes[0].lines
    }
    assert "mask contours" in texts(figure)


def test_untrusted_segments_are_called_so(doubtful):
    words = texts(strain_figure(doubtful.measurements))
    assert "basal inferoseptal (not trusted)" in words
    assert "no GLS" in words


def test_volume_becomes_area_without_calibration(heart):
    ejection = heart.measurements.best.cavity.simpson.ef_percent
    assert f"EF {ejection:.0f} %" in texts(volume_figure(heart.measurements))
    result, clip = beating(24, spacing_mm=None)
    assert "px²" in texts(volume_figure(measure(result, clip)))


def test_three_views_fill_the_bulls_eye(heart):
    views = [replace(heart.measurements, view="A4C")]
    for view in ("A2C", "A3C"):
        result, clip = beating(24, source=view)
        views.append(measure(result, clip, view))
    assert len(segment_values(views)) == 18
    written = [text.get_text() for text in bulls_eye_figure(views, -15.04).axes[0].texts]
    assert sum(text in ("−14", "−15", "−16") for text in written) == 18
    assert "GLS −15.0 %" in written
    alone = [text.get_text() for text in bulls_eye_figure(views[:1]).axes[0].texts]
    assert alone.count("·") == 12


def test_shortening_is_red_and_lengthening_blue():
    red, _, blue, _ = strain_colour(-18.0)
    assert red > blue
    red, _, blue, _ = strain_colour(18.0)
    assert blue > red


def test_clip_without_strain_says_so_in_every_picture(tmp_path):
    result, clip = beating(1)
    nothing = MeasuredClip(clip, measure(result, clip))
    for figure in (strain_figure(nothing.measurements), wall_figure(nothing)):
        assert "the warnings say why" in texts(figure)
    assert "No beat was found" in report_html([nothing])
    assert draw_strain_frame(nothing, 0).dtype == np.uint8


def test_report_is_one_file_with_its_pictures_inside(heart, tmp_path):
    write_report(tmp_path / "heart.html", [heart])
    text = (tmp_path / "heart.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == 5
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert "a &lt;b&gt; &amp; c.dcm" in text
    for warning in heart.measurements.warnings:
        assert warning in text


def test_report_of_two_views_leads_with_both(heart):
    result, clip = beating(24, source="a2c.dcm")
    other = MeasuredClip(clip, measure(result, clip, "A2C"))
    together = measure_biplane(heart.measurements, other.measurements)
    text = report_html([heart, other], together)
    assert text.index("All views together") < text.index("<h2>A4C</h2>") < text.index("<h2>A2C</h2>")
    assert "EF, biplane" in text


def test_untrusted_rows_give_their_reasons(doubtful):
    text = report_html([doubtful])
    assert text.count('<tr class="doubted">') == 3
    assert "visible in" in text


def test_wall_takes_the_colour_of_its_strain_and_grey_where_it_is_not_trusted(heart, doubtful):
    def colour_at(measured: MeasuredClip, frame: int, place: int) -> np.ndarray:
        picture = draw_strain_frame(measured, frame).astype(float)
        at = measured.measurements.best.wall.lines.mid[frame, place] * picture.shape[0] / SIDE
        x, y = np.rint(at).astype(int)
        return picture[y - 3 : y + 4, x - 3 : x + 4].mean((0, 1))

    es = heart.measurements.best.beat.es
    red, _, blue = colour_at(heart, es, 12)
    assert red > blue + 30
    red, _, blue = colour_at(doubtful, es, 12)
    assert red == pytest.approx(blue, abs=2)


def test_movie_has_the_frames_of_the_clip(heart, tmp_path):
    av = pytest.importorskip("av", reason="movies need PyAV")
    write_strain_movie(tmp_path / "heart.mp4", heart)
    with av.open(str(tmp_path / "heart.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(heart.clip)
        assert float(container.streams.video[0].average_rate) == pytest.approx(heart.clip.frame_rate_hz, rel=0.01)


@pytest.mark.parametrize("name", ["curves.png", "curves.pdf", "curves.svg"])
def test_figures_are_written_in_the_format_of_their_name(heart, tmp_path, name):
    save_figure(tmp_path / name, volume_figure(heart.measurements))
    start = (tmp_path / name).read_bytes()[:5]
    assert start.startswith({"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[name[-3:]])


def test_without_matplotlib_the_remedy_is_named(heart, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DependencyError, match=r"pointseg\[report\]"):
        write_report(tmp_path / "heart.html", [heart])
    assert not list(tmp_path.iterdir())


def test_measurements_of_another_clip_are_refused(heart):
    with pytest.raises(MeasurementError, match="same clip"):
        MeasuredClip(beating(12)[1], heart.measurements)
