"""ONNX's own test of every operator: our shapes are those of its expected results, and nothing crashes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy
import pytest

from lwprof import analyses
from lwprof.errors import InputError
from lwprof.onnx_files import capture_file

NO_TENSORS = "is no tensor"
OPEN = "must be given with --input-size"
ODD = {"test_affine_grid_2d_expanded", "test_affine_grid_2d_align_corners_expanded", "test_triu_zero"}
"""Two hand a list of one number to ``Range``, which wants a number; one has an input without elements."""


@pytest.mark.slow
def test_every_operator_of_onnx_has_the_shape_that_it_should(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = [case for case in collect_testcases(None) if case.model is not None and case.name not in ODD]
    assert len(cases) > 1500
    file = tmp_path / "case.onnx"
    counted = 0
    for case in cases:
        file.write_bytes(case.model.SerializeToString())
        try:
            graph = capture_file(str(file))
        except InputError as error:
            if NO_TENSORS not in str(error) and OPEN not in str(error):
                raise
            continue
        rows = analyses.costed(graph)
        totals = analyses.totals(graph, rows, analyses.parameters(graph, rows), analyses.fused_groups(graph, rows))
        assert totals.mult_adds >= 0
        unknown = {row.op for row in analyses.coverage(graph, rows).unknown}
        results = case.data_sets[0][1]
        expected = [array.shape for array in results if isinstance(array, numpy.ndarray)]
        if len(expected) == len(results) and not any("not known" in name for name in unknown):
            assert [value.shape for value in graph.outputs] == expected, case.name
            counted += not unknown
    assert counted > 1000
