"""CITATION.cff is a citation file in the Citation File Format 1.2.0, and agrees with the project."""

import re
import tomllib

import pytest
import yaml

from tests.docs.blocks import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIRED = {"cff-version", "message", "title", "authors"}
OPTIONAL = """abstract commit contact date-released doi identifiers keywords license license-url preferred-citation
references repository repository-artifact repository-code type url version"""
KNOWN = REQUIRED | set(OPTIONAL.split())
"""The keys of the format (https://github.com/citation-file-format, guide to the schema of 1.2.0)."""


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_has_the_keys_of_the_format_and_no_others(citation):
    assert citation.keys() >= REQUIRED
    assert citation.keys() <= KNOWN
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in {"software", "dataset"}
    assert all(isinstance(citation[key], str) for key in ("message", "title", "version", "license"))
    assert len(set(citation["keywords"])) == len(citation["keywords"])
    assert all(
        author.keys() <= {"name", "family-names", "given-names", "orcid", "email"} for author in citation["authors"]
    )
    assert all("name" in author or "family-names" in author for author in citation["authors"])


def test_it_agrees_with_the_project(citation):
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["title"].startswith(f"{PROJECT['name']}: ")
    assert set(citation["keywords"]) == set(PROJECT["keywords"])


def test_the_page_gives_the_same_citation(citation):
    page = (ROOT / "docs" / "cite.md").read_text(encoding="utf-8")
    entry = dict(re.findall(r"^  (\w+) += \{+(.+?)\}+,?$", page, re.MULTILINE))

    assert entry == {
        "title": citation["title"],
        "author": citation["authors"][0]["name"],
        "version": citation["version"],
        "license": citation["license"],
    }
