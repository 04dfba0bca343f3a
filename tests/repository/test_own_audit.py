"""The catalogue is audited as anybody's networks are, by the settings and the baseline of this repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from lwprof.auditing import configuration
from lwprof.cli import main
from lwprof.models import catalog

ROOT = Path(__file__).resolve().parents[2]
SETTINGS, BASELINE = ROOT / "pyproject.toml", ROOT / "audit-baseline.json"


def test_every_network_of_the_catalogue_is_audited():
    read = configuration.read(SETTINGS)
    assert [spec.text for spec in read.networks] == list(catalog.entries())
    assert read.baseline is not None
    assert read.baseline.resolve() == BASELINE


@pytest.mark.slow
def test_the_baseline_is_what_an_audit_of_today_would_write(tmp_path, capsys):
    written = tmp_path / "baseline.json"
    code = main(["audit", "--config", str(SETTINGS), "--write-baseline", str(written)])
    assert code == 0, capsys.readouterr().err
    assert written.read_bytes() == BASELINE.read_bytes()
