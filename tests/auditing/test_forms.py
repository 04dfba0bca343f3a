"""Layers are built again from a closed list, whatever a document says."""

from __future__ import annotations

import pytest
import torch

from lwprof.auditing import forms
from lwprof.errors import InputError
from lwprof.results.audit import Form

CONV = {"in_channels": 4, "out_channels": 8, "kernel_size": 3, "padding": 1, "groups": 2, "bias": 0}


@pytest.mark.slow
def test_a_layer_is_what_its_settings_say() -> None:
    layer = forms.build(Form("Conv2d", {**CONV, "stride": [2, 1]}, (1, 4, 8, 8)))
    assert layer.weight.shape == (8, 2, 3, 3)
    assert layer.bias is None
    assert layer(torch.zeros(1, 4, 8, 8)).shape == (1, 8, 4, 8)


def test_weights_are_the_same_every_time_and_nobody_elses_numbers_change() -> None:
    state = torch.get_rng_state()
    one, other = (forms.build(Form("Conv2d", CONV, (1, 4, 8, 8))) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert not torch.equal(one.weight, forms.build(Form("Conv2d", CONV, (1, 4, 8, 8)), seed=1).weight)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(forms.LAYERS))
def test_every_layer_of_the_list_can_be_built(name: str) -> None:
    rank = int(name[-2]) if name.endswith("d") and name[-2].isdigit() else 2
    settings: dict[str, int | list[int]] = {
        "Conv": {"in_channels": 2, "out_channels": 2, "kernel_size": 1},
        "Line": {"in_features": 6, "out_features": 2},
        "Batc": {"num_features": 2},
        "AvgP": {"kernel_size": 2},
        "MaxP": {"kernel_size": 2},
        "Adap": {"output_size": 1},
        "Soft": {"dim": 1},
    }.get(name[:4], {})
    layer = forms.build(Form(name, settings, (1, 2, *[6] * rank)))
    assert type(layer).__name__ == name


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (Form("Conv2D", CONV, (1, 4, 8, 8)), "no layer 'Conv2D' can be timed by itself; did you mean 'Conv2d'?"),
        (Form("Module", {}, (1,)), "no layer 'Module'"),
        (Form("load", {}, (1,)), "no layer 'load'"),
        (Form("Conv2d", {**CONV, "device": 0}, (1, 4, 8, 8)), "takes no setting device"),
        (Form("Conv2d", {**CONV, "padding_mode": "same"}, (1, 4, 8, 8)), "cannot be built"),
        (Form("Conv2d", {**CONV, "stride": "__import__('os')"}, (1, 4, 8, 8)), "takes no setting stride"),
        (Form("Conv2d", {**CONV, "bogus": 1}, (1, 4, 8, 8)), "cannot be built"),
        (Form("Conv2d", CONV, (1, 5, 8, 8)), "cannot be built for that input"),
        (Form("Conv2d", CONV, (1, 4, -8, 8)), "cannot be built"),
        (Form("Conv2d", {**CONV, "in_channels": 10**6, "out_channels": 10**6}, (1, 10**6, 8, 8)), "too large"),
        (Form("Sigmoid", {}, (1, 10**6, 10**6)), "too large"),
        (Form("Linear", {"in_features": 10**40, "out_features": 1}, (1, 4)), "cannot be built"),
    ],
)  # fmt: skip
def test_what_is_no_layer_or_does_not_fit_is_refused(form: Form, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        forms.build(form)
