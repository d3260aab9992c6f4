"""Claims about the image quality of CAMUS patients: each file that may give it is read, the nearer one first."""

from __future__ import annotations

import pytest

from PointSegLib.errors import ReadError
from PointSegLib.io.camus_quality import read_qualities


def test_quality_comes_from_the_table_where_the_patient_has_no_info_file(tmp_path):
    (tmp_path / "patients_info.csv").write_text("Patient,ED,ImageQuality\npatient0001,1,Poor\npatient0002,1,Good\n")
    (tmp_path / "patient0002").mkdir()
    (tmp_path / "patient0002" / "Info_4CH.cfg").write_text("ED: 1\nES: 9\nNbFrame: 9\nImageQuality: Medium\n")
    found = read_qualities(tmp_path, ["patient0001", "patient0002", "patient0003"], "4CH")
    assert found == {"patient0001": "Poor", "patient0002": "Medium", "patient0003": ""}


def test_quality_is_unknown_without_either_file(tmp_path):
    assert read_qualities(tmp_path, ["patient0001"], "4CH") == {"patient0001": ""}


def test_a_table_without_the_columns_is_named(tmp_path):
    (tmp_path / "patients_info.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match=r"patients_info\.csv.*ImageQuality"):
        read_qualities(tmp_path, ["patient0001"], "4CH")
