"""``lwprof audit``: settings and what is typed, exit codes, and one clear line for what is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from wide_network import SOURCE

from lwprof import auditing
from lwprof.auditing import measuring
from lwprof.results.audit import AuditResult

SETTINGS = """
[networks]
wide = { spec = "wide.py:Wide", input_size = "32x56x56" }
narrow = { spec = "wide.py:Wide:width=32", input_size = "32x56x56" }

[audit]
select = ["G1"]

[[audit.exemptions]]
module = "first"
network = "narrow"
reason = "on purpose"
"""
WIDE = ("audit", "wide.py:Wide", "--input-size", "32x56x56", "--select", "G1")
NARROW = ("audit", "wide.py:Wide:width=32", "--input-size", "32x56x56", "--select", "G1")


@pytest.fixture(autouse=True)
def project(run: Any, tmp_path: Path) -> Path:
    (tmp_path / "wide.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def audited(run: Any) -> Any:
    """Audit, and give the exit code and the document."""

    def call(*arguments: object) -> tuple[int, Any]:
        outcome = run(*arguments, "--format", "json")
        return outcome.code, json.loads(outcome.out)

    return call


def findings(document: Any) -> dict[str, list[str]]:
    return {model["name"]: [finding["code"] for finding in model["findings"]] for model in document["models"]}


@pytest.mark.slow
def test_a_finding_is_exit_code_1_and_none_is_0(run: Any) -> None:
    outcome = run(*WIDE)
    assert (outcome.code, outcome.err) == (1, "")
    assert "G1" in outcome.out
    assert run(*NARROW).code == 0


@pytest.mark.slow
def test_top_shows_the_costliest_findings(run: Any) -> None:
    assert "the costliest first (2 of " in run("audit", "mbv2", "--top", 2).out


def test_without_arguments_the_settings_say_what_is_audited(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(SETTINGS)
    code, document = audited("audit")
    assert (code, document["settings"], findings(document)) == (1, "lwprof.toml", {"wide": ["G1"], "narrow": []})
    assert document["ok"] is False


def test_networks_that_are_typed_are_judged_as_the_settings_say(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(f"{SETTINGS}[audit.budgets.narrow]\nmax_params = 1_000\n")
    code, document = audited("audit", "narrow", "wide.py:Wide:width=64", "--input-size", "32x56x56")
    assert code == 1
    assert findings(document) == {"narrow": [], "Wide:width=64": []}
    assert [rule["code"] for rule in document["rules"]] == ["G1"]
    assert [[(budget["name"], budget["ok"]) for budget in model["budgets"]] for model in document["models"]] == [
        [("max_params", False)],
        [],
    ]


def test_settings_may_be_named_or_left_out(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(SETTINGS)
    (project / "other.toml").write_text(SETTINGS.replace('select = ["G1"]', 'select = ["G2"]'))
    assert findings(audited("audit", "--config", "other.toml")[1]) == {"wide": [], "narrow": []}
    _, document = audited("audit", "wide", "--no-config")
    assert (document["settings"], len(document["rules"]) > 1) == ("", True)


def test_what_is_selected_is_asked_though_the_settings_ignore_it(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(SETTINGS.replace('select = ["G1"]', 'ignore = ["G"]'))
    assert findings(audited("audit", "wide", "--select", "G1")[1]) == {"wide": ["G1"]}
    assert findings(audited("audit", "wide", "--select", "G1", "--ignore", "G1")[1]) == {"wide": []}


@pytest.mark.parametrize(
    ("arguments", "code", "found"),
    [
        (("--ignore", "G1"), 0, {}),
        (("--select", "G"), 1, {"G1": "warning"}),
        (("--select", "unequal-channel-widths,G2"), 1, {"G1": "warning"}),
        (("--select", "G2", "--select", "g1"), 1, {"G1": "warning"}),
        (("--fail-on", "error"), 0, {"G1": "warning"}),
        (("--fail-on", "never"), 0, {"G1": "warning"}),
        (("--severity", "G1=info"), 0, {"G1": "info"}),
        (("--severity", "G=error", "--fail-on", "error"), 1, {"G1": "error"}),
        (("--severity", "G1=info", "--fail-on", "info"), 1, {"G1": "info"}),
        (("--threshold", "G1=2"), 0, {}),
        (("--threshold", "unequal-channel-widths.ratio=2"), 0, {}),
        (("--exempt", "fir*"), 0, {}),
        (("--exempt", "first:G1,D"), 0, {}),
        (("--exempt", "first:G2"), 1, {"G1": "warning"}),
        (("--budget", "max_params=1k", "--exempt", "first"), 1, {}),
        (("--budget", "max_memory_access.paper=10M", "--exempt", "first"), 0, {}),
    ],
)
def test_everything_can_be_said_on_the_command_line(
    audited: Any, arguments: tuple[str, ...], code: int, found: dict[str, str]
) -> None:
    outcome, document = audited(*WIDE, *arguments)
    (model,) = document["models"]
    assert {finding["code"]: finding["severity"] for finding in model["findings"]} == found
    assert outcome == code
    assert document["ok"] is (code == 0)


def test_what_is_typed_replaces_what_the_settings_say_of_the_same(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(
        SETTINGS.replace('network = "narrow"', 'network = "wide"')
        + "[audit.thresholds]\nG1 = 2\nG3 = { branches = 1, fragments = 1 }\n"
        "[audit.budgets.wide]\nmax_params = '1k'\nmax_mult_adds = '1G'\n"
    )
    code, document = audited("audit", "wide", "--no-exemptions", "--threshold", "G1=1.3", "--budget", "max_params=9k")
    (model,) = document["models"]
    assert (code, findings(document), model["ignored"]) == (1, {"wide": ["G1"]}, [])
    assert [(budget["name"], budget["limit"], budget["ok"]) for budget in model["budgets"]] == [
        ("max_params", 9000, True), ("max_mult_adds", 1e9, True)
    ]  # fmt: skip
    code, document = audited("audit", "wide", "--threshold", "G1=1.3", "--budget", "max_params=9k")
    assert (code, document["models"][0]["ignored"]) == (
        0, [{"code": "G1", "module": "first", "reason": "on purpose"}]
    )  # fmt: skip


@pytest.mark.slow
def test_an_exemption_of_nothing_is_noted(run: Any, project: Path) -> None:
    outcome = run(*WIDE, "--exempt", "second.*")
    assert (outcome.code, outcome.err) == (1, "note: nothing is found in 'second.*', which is exempt\n")
    (project / "lwprof.toml").write_text(SETTINGS)
    assert run("audit").err == "note: nothing is found in 'first', which is exempt\n"
    assert run("audit", "wide").err == ""


@pytest.mark.slow
def test_a_baseline_lets_pass_what_was_known(run: Any, audited: Any, project: Path) -> None:
    written = run(*WIDE, "--write-baseline", "known.json")
    assert (written.code, written.err) == (0, "wrote known.json, which knows 1 finding in 1 network\n")
    assert written.out == "", "a verdict would be that of the audit before it"
    assert "G1" in run(*WIDE, "--write-baseline", "known.json", "--format", "table").out
    code, document = audited(*WIDE, "--baseline", "known.json")
    assert (code, document["baseline"], document["models"][0]["findings"][0]["known"]) == (0, "known.json", True)
    (project / "lwprof.toml").write_text('[audit]\nbaseline = "known.json"\n')
    assert run(*WIDE).code == 0
    assert run(*WIDE, "--no-baseline").code == 1
    assert run(*WIDE, "--write-baseline", "known.json").code == 0


@pytest.mark.slow
def test_a_baseline_that_settings_name_can_be_written_before_it_is_there(run: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(SETTINGS.replace("[audit]", '[audit]\nbaseline = "known.json"'))
    missing = run("audit")
    assert (missing.code, missing.out) == (2, "")
    assert missing.err.startswith("error: there is no baseline ")
    assert run("audit", "--write-baseline", "known.json").code == 0
    assert run("audit").code == 0


def test_no_baseline_is_written_of_what_could_not_be_audited(run: Any, project: Path) -> None:
    outcome = run(*WIDE, "no.py:Net", "--write-baseline", "known.json")
    assert outcome.code == 2
    assert outcome.err == "error: no file no.py\nerror: known.json is not written\n"
    assert not (project / "known.json").exists()


@pytest.mark.slow
def test_a_network_that_fails_does_not_hide_the_others(
    run: Any, audited: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SETTINGS.replace("select", 'networks = ["gone.py:Net", "narrow", "lcnet", "wide"]\nselect')
    (project / "lwprof.toml").write_text(text)
    monkeypatch.setitem(sys.modules, "timm", None)
    outcome = run("audit", "--format", "json")
    assert outcome.code == 2
    assert outcome.err == "error: no file gone.py\nerror: lcnet: timm is not installed: pip install timm\n"
    document = json.loads(outcome.out)
    assert findings(document) == {"Net": [], "narrow": [], "lcnet": [], "wide": ["G1"]}
    assert [model["failure_code"] for model in document["models"]] == [2, 0, 3, 0]
    assert run("audit", "lcnet", "wide").code == 3
    assert run("audit", "lcnet").code == 3


def test_one_network_that_fails_is_one_line_as_elsewhere(run: Any) -> None:
    outcome = run("audit", "no.py:Net")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", "error: no file no.py\n")
    traced = run("audit", "no.py:Net", "--debug")
    assert traced.err.startswith("Traceback")
    assert run("audit", "no.py:Net", "narrow.py:Net", "--debug").err.count("Traceback") >= 2


def test_programs_get_a_document_of_one_network_that_fails(run: Any) -> None:
    outcome = run("audit", "no.py:Net", "--format", "junit")
    assert (outcome.code, outcome.err) == (2, "error: no file no.py\n")
    assert '<error message="no file no.py"' in outcome.out


def test_an_internal_error_goes_before_all_others(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = auditing.judge

    def broken(evidence: Any, policy: Any) -> Any:
        if evidence.result.model.name == "Wide":
            raise ZeroDivisionError("a\nb")
        return judge(evidence, policy)

    monkeypatch.setattr(auditing, "judge", broken)
    outcome = run(*WIDE, "no.py:Net", "wide.py:Wide:width=128")
    assert outcome.code == 4
    advice = "run again with --debug for the traceback"
    assert outcome.err == f"error: Wide: internal error: ZeroDivisionError: a; {advice}\nerror: no file no.py\n"
    assert "Wide:width=128" in outcome.out


@pytest.mark.slow
def test_ctrl_c_shows_what_was_found_until_then(run: Any, project: Path) -> None:
    outcome = run(*WIDE, "wide.py:Pressed", "wide.py:Wide:width=8", "--format", "json", "--write-baseline", "b.json")
    assert outcome.code == 130
    assert outcome.err == "error: interrupted; what was found until then is shown\nerror: b.json is not written\n"
    document = json.loads(outcome.out)
    assert (document["interrupted"], document["ok"], findings(document)) == (True, False, {"Wide": ["G1"]})
    alone = run("audit", "wide.py:Pressed", "--input-size", "32x8x8")
    assert (alone.code, alone.out, alone.err) == (130, "", "error: interrupted\n")


@pytest.mark.slow
def test_strict_fails_where_an_operator_is_not_counted(run: Any, project: Path) -> None:
    strange = ("audit", "net.py:Strange", "--input-size", "3x8x8", "--fail-on", "never")
    assert run(*strange).code == 0
    outcome = run(*strange, "--strict")
    assert (outcome.code, outcome.err) == (1, "error: Strange: no rule counts aten::_fft_r2c (1x) (--strict)\n")
    (project / "lwprof.toml").write_text("[audit]\nstrict = true\n")
    assert run(*strange).code == 1
    assert run(*strange, "--no-strict").code == 0


@pytest.mark.slow
def test_what_is_measured_is_what_was_asked(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measured(result: AuditResult, how: measuring.Measuring, progress: Any) -> AuditResult:
        asked.append(how)
        return result

    monkeypatch.setattr(auditing, "measured", measured)
    assert run(*WIDE, "--measure").code == 1
    assert run(*WIDE, "--measure", "--seconds", "0.5", "--threads", "2").code == 1
    assert run(*WIDE).code == 1
    usual = measuring.Measuring()
    assert asked == [usual, measuring.Measuring(threads=2, total_s=0.5)]


def test_a_network_of_the_settings_has_the_inputs_that_they_say(audited: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text(SETTINGS)
    _, document = audited("audit", "wide")
    assert document["models"][0]["model"]["inputs"] == [{"shape": [1, 32, 56, 56], "dtype": "float32"}]
    _, document = audited("audit", "wide", "--input-size", "32x8x8", "--batch", "2")
    assert document["models"][0]["model"]["inputs"] == [{"shape": [2, 32, 8, 8], "dtype": "float32"}]


NOTHING = (
    "nothing to audit: neither lwprof.toml nor a pyproject.toml with [tool.lwprof] is here or above; name a network, "
    'or write networks = ["mbv2"] below [audit] in lwprof.toml'
)
HELP = "see lwprof audit --help"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), NOTHING),
        (("--no-config",), f"--no-config leaves nothing to audit; name a network; {HELP}"),
        (("--config", "none.toml"), "no file none.toml"),
        (("mbv2", "--config", "x", "--no-config"), f"give either --config or --no-config, not both; {HELP}"),
        (("mbv2", "--baseline", "x", "--no-baseline"), f"give either --baseline or --no-baseline, not both; {HELP}"),
        (("mbv2", "--baseline", "x", "--write-baseline", "y"),
         f"give either --baseline or --write-baseline, not both; {HELP}"),
        (("mbv2", "--baseline", "none.json"),
         "there is no baseline none.json: 'lwprof audit --write-baseline none.json' writes it"),
        (("mbv2", "--baseline", ""), "invalid value for '--baseline': the name is empty; "),
        (("mbv2", "--write-baseline", ""), "invalid value for '--write-baseline': the name is empty; "),
        (("mbv2", "--write-baseline", "-"), f"--write-baseline needs a file; - is none; {HELP}"),
        (("mbv2", "--write-baseline", "a.json", "-o", "./a.json"),
         f"-o and --write-baseline name the same file; {HELP}"),
        (("mbv2", "--baseline", "wide.py", "-o", "wide.py", "--format", "json"),
         f"-o and --baseline name the same file; {HELP}"),
        (("mbv2", "--config", "wide.py", "-o", "wide.py", "--format", "json"),
         f"-o and --config name the same file; {HELP}"),
        (("mbv2", "--write-baseline", "no/known.json"), "cannot write no/known.json: there is no folder no"),
        (("mbv2", "--seconds", "3"), f"--seconds goes with --measure; {HELP}"),
        (("mbv2", "--threads", "3"), f"--threads goes with --measure or a latency budget; {HELP}"),
        (("mbv2", "--select", "unequal-chanel-widths"),
         "--select: unknown guideline 'unequal-chanel-widths'; did you mean 'unequal-channel-widths'?"),
        (("mbv2", "--ignore", "G1,,D"),
         "invalid value for '--ignore': write codes, slugs or families with commas between them, such as G1,D; "
         + HELP),
        (("mbv2", "--fail-on", "warn"),
         f"invalid value for '--fail-on': 'warn' is not one of 'error', 'warning', 'info', 'never'; {HELP}"),
        (("mbv2", "--threshold", "G1"),
         f"invalid value for '--threshold': 'G1' is not written as CODE[.NAME]=NUMBER; {HELP}"),
        (("mbv2", "--threshold", "G1=high"), "--threshold: G1 must be a number from 0 on, not 'high'"),
        (("mbv2", "--threshold", "G1.rato=1"), "--threshold: G1 has no threshold 'rato'; did you mean 'ratio'?"),
        (("mbv2", "--threshold", "G1=1", "--threshold", "G1.ratio=2"), "--threshold: G1 and G1.ratio are both given"),
        (("mbv2", "--severity", "G1=eror"),
         "--severity: G1 must be one of error, warning, info, not 'eror'; did you mean 'error'?"),
        (("mbv2", "--exempt", "x:unequal"), "--exempt: codes: unknown guideline 'unequal'; "),
        (("mbv2", "--budget", "max_params"),
         f"invalid value for '--budget': 'max_params' is not written as NAME=LIMIT; {HELP}"),
        (("mbv2", "--budget", "max_parms=3"), "budgets: unknown budget 'max_parms'; did you mean 'max_params'?"),
        (("mbv1", "mbv2", "mbv3", "--weights", "x.pth"),
         "1 file of weights for 3 networks; give one for each in their order, or none"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_line_and_exit_code_2(run: Any, arguments: tuple[str, ...], says: str) -> None:
    outcome = run("audit", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"error: {says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", 'lwprof.toml: [audit] names nothing to audit; write networks = ["mbv2"] there, or name a network'),
        ("[audit]\nselct = ['G1']\n", "lwprof.toml: [audit]: unknown setting 'selct'; did you mean 'select'?"),
        ("[audit\n", "lwprof.toml is not TOML: "),
        ("[networks]\nnet = 5\n", "lwprof.toml: network 'net': write a model spec such as"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(run: Any, project: Path, text: str, says: str) -> None:
    (project / "lwprof.toml").write_text(text)
    outcome = run("audit")
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"error: {says}")


def test_every_command_says_what_is_wrong_with_the_names_of_a_project(run: Any, project: Path) -> None:
    (project / "lwprof.toml").write_text("[networks]\nnet = 5\n")
    for command in (("profile", "mbv2"), ("list",), ("audit", "mbv2")):
        assert run(*command).code == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_a_file_whose_name_is_no_text_is_audited_and_known_again(run: Any, project: Path) -> None:
    (project / "w\udcff.py").write_text(SOURCE)
    named = ("audit", "w\udcff.py:Wide", *WIDE[2:])
    outcome = run(*named, "--format", "json")
    assert json.loads(outcome.out)["models"][0]["findings"][0]["location"]["file"] == "w\udcff.py"
    for file in ("a.json", "a.md", "a.csv", "a.sarif", "a.xml"):
        assert run(*named, "-o", file).code == 1
        assert run("report", "a.json", "-o", f"again-{file}").code == 0
        assert (project / f"again-{file}").read_bytes() == (project / file).read_bytes()
    assert run(*named, "--write-baseline", "b.json").code == 0
    assert run(*named, "--baseline", "b.json").code == 0
