"""The codes PointSeg's DICOM reports are made of: (value, scheme, meaning), as DICOM's context groups have them.

Taken from PS3.16's context groups as pydicom 3.0 carries them: 12200 to 12205 and 12220 (what is measured in an
echocardiogram), 12304, 12309 and 12311 (strain), 12226 (views), 12227 and 12310 (methods), 12233 (phases), 12236 (sites
of the annulus), 3781 (the 18 segments), 225 (uncertainty).
"""

from __future__ import annotations

Code = tuple[str, str, str]

REPORT: Code = ("125200", "DCM", "Adult Echocardiography Procedure Report")
FINDINGS: Code = ("59776-5", "LN", "Findings")
GROUP: Code = ("125007", "DCM", "Measurement Group")
FINDING_SITE: Code = ("363698007", "SCT", "Finding Site")
METHOD: Code = ("370129005", "SCT", "Measurement Method")
IMAGE_VIEW: Code = ("111031", "DCM", "Image View")
PHASE: Code = ("246092007", "SCT", "Cardiac cycle phase")
COMMENT: Code = ("121106", "DCM", "Comment")
SOURCE: Code = ("121112", "DCM", "Source of Measurement")
UNCERTAINTY: Code = ("371884006", "SCT", "+/-, range of measurement uncertainty")
DEVICE: Code = ("121007", "DCM", "Device")
ENGLISH: Code = ("en", "RFC5646", "English")

LEFT_VENTRICLE: Code = ("87878005", "SCT", "Left ventricle")
LEFT_ATRIUM: Code = ("82471001", "SCT", "Left atrium")
MITRAL_ANNULUS: Code = ("65197004", "SCT", "Mitral Annulus")
MEDIAL_ANNULUS: Code = ("399093001", "SCT", "Medial Mitral Annulus")
LATERAL_ANNULUS: Code = ("399086000", "SCT", "Lateral Mitral Annulus")
END_SYSTOLE: Code = ("416430001", "SCT", "End Systole")

EDV: Code = ("18026-5", "LN", "Left Ventricular End Diastolic Volume")
ESV: Code = ("18148-7", "LN", "Left Ventricular End Systolic Volume")
EF: Code = ("18043-0", "LN", "Left Ventricular Ejection Fraction by US")
STROKE_VOLUME: Code = ("90096001", "SCT", "Stroke Volume")
AREA_CHANGE: Code = ("399287000", "SCT", "Left Ventricular Fractional Area Change")
DIASTOLIC_AREA: Code = ("399109006", "SCT", "Left Ventricular Diastolic Area")
SYSTOLIC_AREA: Code = ("399030000", "SCT", "Left Ventricular Systolic Area")
DIASTOLIC_LENGTH: Code = ("18077-8", "LN", "Left Ventricle diastolic major axis")
SYSTOLIC_LENGTH: Code = ("18076-0", "LN", "Left Ventricle systolic major axis")
HEART_RATE: Code = ("8867-4", "LN", "Heart rate")
ATRIAL_AREA_A4C: Code = ("17977-0", "LN", "Left Atrium Area A4C view")
ATRIAL_VOLUME: Code = ("399235004", "SCT", "Left Atrium Systolic Volume")
STRAIN: Code = ("130670", "DCM", "Longitudinal Lagrangian Strain")
TIME_TO_PEAK: Code = ("130672", "DCM", "Time to Peak Longitudinal Lagrangian Strain")
DISPERSION: Code = ("130673", "DCM", "Mechanical Dispersion")
EXCURSION: Code = ("125327", "DCM", "Excursion Distance")

MONOPLANE_DISKS: Code = ("125208", "DCM", "Method of Disks, Single Plane")
BIPLANE_DISKS: Code = ("125207", "DCM", "Method of Disks, Biplane")
AREA_LENGTH: Code = ("125205", "DCM", "Area-Length Single Plane")
BIPLANE_AREA_LENGTH: Code = ("125204", "DCM", "Area-Length Biplane")
MIDLAYER: Code = ("130685", "DCM", "Myocardial Midlayer Method")

VIEWS: dict[str, Code] = {
    "A4C": ("399214001", "SCT", "Apical four chamber"),
    "A2C": ("399232001", "SCT", "Apical two chamber"),
    "A3C": ("399339008", "SCT", "Apical long axis"),
}
ENDOCARDIAL_GLS: dict[str, Code] = {
    "A4C": ("130687", "DCM", "LV End-systolic GLS 4CH (Endocardial)"),
    "A2C": ("130688", "DCM", "LV End-systolic GLS 2CH (Endocardial)"),
    "A3C": ("130689", "DCM", "LV End-systolic GLS ALAX (Endocardial)"),
}
# The 18 segments, level and wall as `measurement.segments` calls them.
SEGMENTS: dict[str, Code] = {
    f"{level} {wall}": (value, scheme, f"left ventricle {level} {wall} segment")
    for level, wall, value, scheme in (
        ("basal", "anterior", "264850008", "SCT"),
        ("basal", "anteroseptal", "396482007", "SCT"),
        ("basal", "inferoseptal", "396646008", "SCT"),
        ("basal", "inferior", "264846001", "SCT"),
        ("basal", "inferolateral", "396652009", "SCT"),
        ("basal", "anterolateral", "396654005", "SCT"),
        ("mid", "anterior", "264848000", "SCT"),
        ("mid", "anteroseptal", "396647004", "SCT"),
        ("mid", "inferoseptal", "396649001", "SCT"),
        ("mid", "inferior", "264847005", "SCT"),
        ("mid", "inferolateral", "396655006", "SCT"),
        ("mid", "anterolateral", "396656007", "SCT"),
        ("apical", "anterior", "264844003", "SCT"),
        ("apical", "anteroseptal", "130620", "DCM"),
        ("apical", "inferoseptal", "130621", "DCM"),
        ("apical", "inferior", "264849008", "SCT"),
        ("apical", "inferolateral", "130622", "DCM"),
        ("apical", "anterolateral", "130623", "DCM"),
    )
}

PERCENT: Code = ("%", "UCUM", "percent")
MILLILITRE: Code = ("mL", "UCUM", "milliliter")
MILLIMETRE: Code = ("mm", "UCUM", "millimeter")
SQUARE_MILLIMETRE: Code = ("mm2", "UCUM", "square millimeter")
MILLISECOND: Code = ("ms", "UCUM", "millisecond")
BEATS_PER_MINUTE: Code = ("{H.B.}/min", "UCUM", "heart beats per minute")
