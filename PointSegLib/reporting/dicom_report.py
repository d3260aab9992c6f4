"""`write_dicom_report`: measurements as a DICOM Comprehensive SR, beside the images they were taken from.

The tree is that of TID 5200, Echocardiography Procedure Report (DICOM PS3.16): a section of findings for the left
ventricle and one for the left atrium, a measurement group for each view and one for all views together, and for each
number its method, site, phase, uncertainty and the frames it was read in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydicom.uid import generate_uid

from PointSegLib import __version__
from PointSegLib.atomic import atomic_path
from PointSegLib.errors import WriteError
from PointSegLib.io.dicom_segmentation import MAKER, discreet, import_highdicom
from PointSegLib.io.identity import frames_of
from PointSegLib.measurement.measurements import Measurements
from PointSegLib.measurement.two_views import BiplaneMeasurements
from PointSegLib.reporting import dicom_codes as code
from PointSegLib.reporting.dicom_codes import Code
from PointSegLib.reporting.dicom_findings import Finding, findings_of, findings_together
from PointSegLib.reporting.report import NOT_A_DEVICE
from PointSegLib.reporting.tables import CONVENTIONS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SERIES_NUMBER = 9002
_DECIMALS = 2


def write_dicom_report(
    path: str | os.PathLike[str],
    views: Sequence[Measurements],
    sources: Sequence[Dataset],
    biplane: BiplaneMeasurements | None = None,
) -> None:
    """Write what was measured in one heart as a preliminary, unverified structured report.

    Patient and study are those of the first source.

    Args:
        path: the file.
        views: one or more views, A4C first.
        sources: the header of the DICOM clip of each, from `identity.read_source`.
        biplane: what the views tell together, or None.

    Raises:
        DependencyError: without highdicom.
        WriteError: when nothing was measured, views and sources are not as many, or the file cannot be written.
    """
    highdicom = import_highdicom(f"Writing the DICOM report {os.fspath(path)}")
    if len(views) != len(sources):
        msg = f"{path}: {len(sources)} DICOM sources were given for {len(views)} views; give the one of each."
        raise WriteError(msg)
    groups = [_Group(findings_of(view), (source,), view) for view, source in zip(views, sources, strict=True)]
    if biplane is not None:
        groups.append(_Group(findings_together(biplane), tuple(sources)))
    if not any(group.findings for group in groups):
        msg = f"{path}: there is nothing to report: nothing was measured; see the warnings for why."
        raise WriteError(msg)
    comments = [text for view in views for text in view.warnings] + list(biplane.warnings if biplane else ())
    with discreet():
        report = highdicom.sr.ComprehensiveSR(
            evidence=list(sources),
            content=_Tree(highdicom).report(groups, [NOT_A_DEVICE, CONVENTIONS, *dict.fromkeys(comments)]),
            series_instance_uid=generate_uid(),
            series_number=_SERIES_NUMBER,
            series_description="PointSeg measurements",
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer=MAKER,
            manufacturer_model_name=MAKER,
            software_versions=__version__,
            device_serial_number="none",
            is_complete=True,
        )
    with atomic_path(path) as temporary:
        report.save_as(temporary, enforce_file_format=True)


class _Group:
    """The findings of one view, or of all together, and the images they are from."""

    def __init__(self, findings: list[Finding], sources: tuple[Dataset, ...], view: Measurements | None = None) -> None:
        self.findings, self.sources = findings, sources
        self.view = None if view is None or view.view is None else code.VIEWS[view.view]


class _Tree:
    """Builds the content tree of highdicom's items."""

    def __init__(self, highdicom: Any) -> None:
        self.sr = highdicom.sr

    def report(self, groups: Sequence[_Group], comments: Iterable[str]) -> Any:
        root = self.sr.ContainerContentItem(self._code(code.REPORT), template_id="5200")
        items = [*self._context()]
        for site in (code.LEFT_VENTRICLE, code.LEFT_ATRIUM):
            told = [group for group in groups if any(finding.section == site for finding in group.findings)]
            if told:
                items.append(self._section(site, told))
        items += [self._text(comment, "CONTAINS") for comment in comments]
        return self._filled(root, items)

    def _context(self) -> Iterable[Any]:
        yield from self.sr.LanguageOfContentItemAndDescendants(self._code(code.ENGLISH))
        device = self.sr.DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[MAKER, __version__]),
            name=MAKER,
            manufacturer_name=MAKER,
            model_name=f"{MAKER} {__version__}",
        )
        yield from self.sr.ObservationContext(
            observer_device_context=self.sr.ObserverContext(self._code(code.DEVICE), device)
        )

    def _section(self, site: Code, groups: Sequence[_Group]) -> Any:
        items = [self._modifier(code.FINDING_SITE, site)]
        for group in groups:
            numbers = [self._number(finding, group) for finding in group.findings if finding.section == site]
            container = self.sr.ContainerContentItem(self._code(code.GROUP), relationship_type="CONTAINS")
            items.append(self._filled(container, numbers))
        section = self.sr.ContainerContentItem(
            self._code(code.FINDINGS), template_id="5202", relationship_type="CONTAINS"
        )
        return self._filled(section, items)

    def _number(self, finding: Finding, group: _Group) -> Any:
        number = self.sr.NumContentItem(
            self._code(finding.concept), round(finding.value, _DECIMALS), self._code(finding.unit),
            relationship_type="CONTAINS",
        )  # fmt: skip
        modifiers = (
            (code.METHOD, finding.method),
            (code.FINDING_SITE, finding.site),
            (code.PHASE, finding.phase),
            (code.IMAGE_VIEW, group.view),
        )
        items = [self._modifier(name, value) for name, value in modifiers if value is not None]
        if finding.error is not None:
            items.append(
                self.sr.NumContentItem(
                    self._code(code.UNCERTAINTY), round(finding.error, _DECIMALS), self._code(finding.unit),
                    relationship_type="HAS PROPERTIES",
                )
            )  # fmt: skip
        if finding.comment:
            items.append(self._text(finding.comment, "HAS PROPERTIES"))
        items += [self._image(source, finding.frames) for source in group.sources]
        return self._filled(number, items)

    def _image(self, source: Dataset, frames: tuple[int, ...]) -> Any:
        numbered = [frame + 1 for frame in frames] if frames_of(source) > 1 and frames else None
        return self.sr.ImageContentItem(
            self._code(code.SOURCE), source.SOPClassUID, source.SOPInstanceUID, numbered,
            relationship_type="INFERRED FROM",
        )  # fmt: skip

    def _modifier(self, name: Code, value: Code) -> Any:
        return self.sr.CodeContentItem(self._code(name), self._code(value), relationship_type="HAS CONCEPT MOD")

    def _text(self, text: str, relationship: str) -> Any:
        return self.sr.TextContentItem(self._code(code.COMMENT), text, relationship_type=relationship)

    def _filled(self, item: Any, children: Sequence[Any]) -> Any:
        item.ContentSequence = self.sr.ContentSequence(children)
        return item

    def _code(self, parts: Code) -> Any:
        return self.sr.CodedConcept(*parts)
