from __future__ import annotations

import pytest
import torch
from prepared_networks import ready
from torch import nn

from lwprof.timing.backends import Options
from lwprof.timing.backends.executorch import ExecuTorch

BACKEND = ExecuTorch()


@pytest.fixture
def installed() -> None:
    pytest.importorskip("executorch", reason="executorch is not installed")
    assert BACKEND.unavailable("cpu") is None


@pytest.mark.usefixtures("installed")
def test_operator_that_xnnpack_lacks_runs_on_portable_kernels() -> None:
    class Sums(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.cumsum(2)

    with ready(BACKEND, nn.Sequential(nn.Conv2d(3, 4, 3), Sums())) as found:
        assert found.difference is not None
        assert found.difference <= 1e-5


@pytest.mark.usefixtures("installed")
def test_size_of_the_pool_is_set_and_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    from executorch.extension.pybindings import portable_lib

    def interrupted() -> None:
        with BACKEND.settings(Options(threads=before + 1)):
            inside.append(portable_lib._threadpool_get_thread_count())
            raise KeyboardInterrupt

    before, inside = portable_lib._threadpool_get_thread_count(), []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with BACKEND.settings(Options()):
        inside.append(portable_lib._threadpool_get_thread_count())
    assert inside == [before + 1, 1]
    assert portable_lib._threadpool_get_thread_count() == before
    assert capfd.readouterr() == ("", "")
