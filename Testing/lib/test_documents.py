"""What README and Docs tell a reader to type exists, and their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from PointSegLib import cli

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "Docs").glob("*.md"))]
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
TABLE_ROW = re.compile(r"^\| `pointseg (\w+)[^`]*` \|.*$", re.MULTILINE)


def fenced_commands(document: Path) -> list[str]:
    """Every whole `pointseg ...` line of the code blocks, without comments; one with `...` is not whole."""
    blocks = "\n".join(FENCED.findall(document.read_text(encoding="utf-8"))).replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in blocks.splitlines()]
    return [line for line in lines if line.startswith("pointseg ") and "..." not in line]


COMMANDS = [(document.name, line) for document in DOCUMENTS for line in fenced_commands(document)]


@pytest.mark.parametrize(("document", "line"), COMMANDS)
def test_a_command_in_the_documents_is_understood(document, line, capsys):
    try:
        cli.build_parser().parse_args(shlex.split(line)[1:])
    except SystemExit:
        pytest.fail(f"{document}: {line}\n{capsys.readouterr().err}")


def test_the_table_of_commands_names_each_command_and_only_options_it_has(capsys):
    rows = list(TABLE_ROW.finditer(DOCUMENTS[0].read_text(encoding="utf-8")))
    assert {row[1] for row in rows} == {module.__name__.rpartition(".")[2] for module in cli.COMMANDS}
    for row in rows:
        with pytest.raises(SystemExit):
            cli.build_parser().parse_args([row[1], "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert set(re.findall(r"--[a-z-]+", row[0])) <= known, row[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target
