"""Stands for Slicer's `slicer.i18n` where no SLICER_SOURCE is given: texts stay as written."""

from __future__ import annotations


def tr(text: str) -> str:
    return text


def translate(context: str, text: str) -> str:
    return text
