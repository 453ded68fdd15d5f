import json

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import RecordError
from leaderboard.audit.rules import RULES, acknowledgements, apply_rules
from leaderboard.published.library import DATASETS, FOLDER, load_library

PAPER = """
[document]
name = "a-paper"
title = "A paper"
authors = "Somebody"
method = "ours"

[[table]]
number = "1"
about = "made up"
scale = "percent"
columns = [
  { dataset = "veri776", measure = "rank@1", printed = "Top-1" },
  { dataset = "veri776", measure = "rank@5", printed = "Top-5" },
]
rows = [{ printed = "ours", method = "ours", values = ["95.0", "90.0"] }]
"""


@pytest.fixture
def folder(tmp_path):
    """A paper whose Top-5 is below its Top-1."""
    (tmp_path / DATASETS).write_bytes((FOLDER / DATASETS).read_bytes())
    (tmp_path / "a-paper.toml").write_text(PAPER)
    return tmp_path


def bench(*words):
    return CliRunner().invoke(main, ["audit", *map(str, words)])


def name_of_the_finding(folder):
    return apply_rules(load_library(folder)).findings[0].name


def acknowledge(folder, *names, reason="a misprint"):
    path = folder / "acknowledged"
    path.write_text("".join(f'[[acknowledged]]\nfinding = "{name}"\nreason = "{reason}"\n' for name in names))
    return path


def test_a_finding_names_its_rule_its_severity_and_its_rows(folder):
    done = bench("--published", folder)

    assert done.exit_code == 0
    assert "error: rank@5 on veri776 is 90.0 %, below rank@1, 95.0 %" in done.output
    assert "row: a-paper, table 1, ours, Top-5: 90.0" in done.output
    assert f"finding: {name_of_the_finding(folder)}" in done.output
    assert "1 findings: 1 error, 0 warnings, 0 notes; 1 not acknowledged" in done.output


def test_the_findings_as_json_hold_rows_and_documents(folder):
    finding = json.loads(bench("--published", folder, "--json").output)[0]

    assert finding["rule"] == "top-k-falls"
    assert finding["documents"] == ["a-paper"]
    assert len(finding["rows"]) == 2
    assert finding["cells"][1] == {"document": "a-paper", "table": "1", "row": 1, "column": 2}
    assert finding["acknowledged"] is None


def test_check_fails_on_a_finding_that_nobody_acknowledged(folder):
    done = bench("--published", folder, "--check")

    assert done.exit_code == 1
    assert name_of_the_finding(folder) in done.output


def test_check_passes_when_it_is_acknowledged(folder):
    done = bench("--published", folder, "--acknowledged", acknowledge(folder, name_of_the_finding(folder)), "--check")

    assert done.exit_code == 0
    assert "acknowledged: a misprint" in done.output
    assert "0 not acknowledged" in done.output


def test_an_acknowledgement_does_not_outlive_its_finding(folder):
    path = acknowledge(folder, name_of_the_finding(folder))
    (folder / "a-paper.toml").write_text(PAPER.replace("90.0", "95.5"))

    done = bench("--published", folder, "--acknowledged", path, "--check")

    assert done.exit_code == 1
    assert "stale: top-k-falls-" in done.output


def test_one_rule_can_be_run_alone(folder):
    assert "0 findings" in bench("--published", folder, "--rule", "out-of-range", "--check").output
    assert "1 findings" in bench("--published", folder, "--rule", "top-k-falls").output


def test_an_acknowledgement_of_a_rule_that_is_not_run_is_not_stale(folder):
    path = acknowledge(folder, name_of_the_finding(folder))
    done = bench("--published", folder, "--acknowledged", path, "--rule", "out-of-range", "--check")

    assert done.exit_code == 0


def test_a_misspelt_rule_proposes_the_nearest(folder):
    done = bench("--rule", "top-k-fals")

    assert done.exit_code == 2
    assert "did you mean 'top-k-falls'" in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[acknowledged]]\nfinding = "x"\nreason = ""\n', "cannot be read"),
        ('[[acknowledged]]\nfinding = "x"\n', "cannot be read"),
        ("[[acknowledged", "cannot be read"),
        ('[[acknowledged]]\nfinding = "x"\nreason = "y"\n' * 2, "acknowledged twice"),
    ],
)
def test_acknowledgements_without_a_reason_are_refused(tmp_path, text, message):
    (tmp_path / "file").write_text(text)

    with pytest.raises(RecordError, match=message):
        acknowledgements(tmp_path / "file")


def test_every_finding_on_the_transcribed_documents_is_acknowledged_with_a_reason():
    done = bench("--check")

    assert done.exit_code == 0, done.output
    assert "0 not acknowledged" in done.output


def test_the_audit_finds_what_is_known_to_be_wrong_with_the_five_documents():
    says = [finding.says for finding in apply_rules(load_library()).findings]

    for known in (
        "74.4 % stands between 94.9 % and 96.2 %",
        "all values are hits out of 200 queries",
        "all values are hits out of 1,200 queries",
        "at width 512, mAP is 0.7 % lower without PAM; the table gives 1.30",
        "veriwild: 41,816 small images; the released lists have 41,861",
        "'OIFE' and 'OIFE+ST' have the same values",
        "VAMI: rank@1 on vehicleid (medium) is printed as 52.9 %, 52.8 %",
        "rank@5 on vehicleid (large) is 87.4 %, above medium, 87.0 %",
        "63.28 % can only be cut off",
        "rank@5 on vehicleid (not stated) minus rank@1 is 17.7",
        "more parts gradually improve the result (mAP); 10 has 79.1 %, after 79.3 %",
        "on average about 60 % of mAP on VeRi-776; the table gives 59.28",
        "'OIFE' has the values of OIFE/with space and time on veri776",
        "vric: nothing here confirms 60 cameras",
        "vehicleid: inputs of 224 pixels",
        "vru: 7,086 train vehicles; the data set's own documents give 7,085",
    ):
        assert any(known in sentence for sentence in says), known


def test_no_transcribed_number_is_called_impossible():
    assert not [finding for finding in apply_rules(load_library()).findings if finding.severity == "error"]


def test_findings_have_names_of_their_own_and_the_worst_come_first():
    findings = apply_rules(load_library()).findings
    severities = [finding.severity for finding in findings]

    assert len({finding.name for finding in findings}) == len(findings)
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {finding.rule for finding in findings} <= set(RULES)
