"""Formats that show audits only, and where one may ask for them."""

from __future__ import annotations

import json

import pytest

from lwprof.cli import main
from lwprof.errors import InputError
from lwprof.reports import FORMATS, render, render_all

OF_AUDITS = [item.name for item in FORMATS if item.only == "audits"]


def test_they_are_these():
    assert OF_AUDITS == ["sarif", "junit", "github"]


@pytest.mark.parametrize("canned", ["profile_result", "compare_result", "crosscheck_result"])
@pytest.mark.parametrize("format", OF_AUDITS)
def test_another_result_is_refused(canned, format, request, audit_result):
    other = request.getfixturevalue(canned)
    message = f"{format} shows audits only; use table, markdown, csv or json"
    with pytest.raises(InputError, match=message):
        render(other, format)
    with pytest.raises(InputError, match=message):
        render_all([("a", audit_result), ("b", other)], format)


@pytest.mark.parametrize("format", [item.name for item in FORMATS if item.only != "profiles"])
def test_a_saved_audit_is_shown_in_every_format(format, audit_result, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    audit_result.save(tmp_path / "audit.json")
    assert main(["report", str(tmp_path / "audit.json"), "--format", format]) == 0
    assert capsys.readouterr().out == render(audit_result, format)


@pytest.mark.parametrize(("suffix", "format"), [(".sarif", "sarif"), (".xml", "junit"), (".md", "markdown")])
def test_the_suffix_says_the_format(suffix, format, audit_result, tmp_path):
    audit_result.save(tmp_path / "audit.json")
    assert main(["report", str(tmp_path / "audit.json"), "-o", str(tmp_path / f"x{suffix}")]) == 0
    assert (tmp_path / f"x{suffix}").read_text(encoding="utf-8") == render(audit_result, format)


def test_a_saved_profile_is_refused_by_name_of_the_format(profile_result, tmp_path, capsys):
    profile_result.save(tmp_path / "profile.json")
    assert main(["report", str(tmp_path / "profile.json"), "--format", "junit"]) == 2
    assert capsys.readouterr().err == "error: junit shows audits only; use table, markdown, csv or json\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "sarif"], "'sarif' is not one of table, markdown, csv, json"),
        (["-o", "x.sarif"], "cannot write x.sarif: sarif shows audits only"),
        (["-o", "x.xml"], "cannot write x.xml: junit shows audits only"),
    ],
)
def test_a_command_without_audits_refuses_before_it_works(options, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["profile", "no-such-network", *options]) == 2
    assert message in capsys.readouterr().err


def test_several_audits_are_one_table_of_findings(audit_result, clean_audit, tmp_path, capsys):
    audit_result.save(tmp_path / "a.json")
    clean_audit.save(tmp_path / "b.json")
    assert main(["report", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 12 + 1
    assert main(["report", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--format", "sarif"]) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 2


@pytest.mark.slow
def test_the_audit_itself_writes_them(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "mbv1", "-o", "audit.sarif"]) == 0
    assert json.loads((tmp_path / "audit.sarif").read_text())["runs"][0]["tool"]["driver"]["name"] == "lwprof"
    assert main(["audit", "mbv2", "--format", "github"]) == 1
    assert "::warning title=G1 unequal-channel-widths::mbv2 " in capsys.readouterr().out
