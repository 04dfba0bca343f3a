"""After a capture the network, its inputs and the random state are as they were."""

from __future__ import annotations

import copy
import random
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy
import pytest
import torch
from torch import nn

import lwprof
from lwprof.capture import capture
from lwprof.errors import InputError


def fingerprint(module: nn.Module) -> list[object]:
    """Everything about a network that a user could notice."""
    seen: list[object] = [list(module.state_dict()), [name for name, _ in module.named_modules()]]
    for name, part in module.named_modules():
        seen.append((name, id(vars(part)), type(part), part.training, sorted(vars(part)), "_call_impl" in vars(part)))
        seen.append([(key, repr(item)) for key, item in sorted(vars(part).items()) if key != "_modules"])
        tensors = [*part._parameters.items(), *part._buffers.items()]
        seen.append([(key, id(t), t is not None and (t.data_ptr(), t.tolist())) for key, t in tensors])
    return seen


def assert_untouched(module: nn.Module, *inputs: torch.Tensor) -> None:
    before, given = fingerprint(module), [tensor.clone() for tensor in inputs]
    random_before = random.getstate(), torch.get_rng_state(), numpy.random.get_state()
    for real in (False, True):
        try:
            capture(module, inputs, real=real)
        except InputError as error:
            assert "on purpose" in str(error)  # noqa: PT017
        assert fingerprint(module) == before
        assert all(torch.equal(tensor, kept) for tensor, kept in zip(inputs, given, strict=True))
        assert random.getstate() == random_before[0]
        assert torch.equal(torch.get_rng_state(), random_before[1])
        assert str(numpy.random.get_state()) == str(random_before[2])
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()


class Stateful(nn.Module):
    """Does ``act`` to itself in every forward."""

    def __init__(self, act) -> None:
        super().__init__()
        self.act = act
        self.linear = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("nothing", None)
        self.plain, self.log, self.cache, self.seen = torch.zeros(4), [], {}, set()
        self.by_name, self.counts = defaultdict(list, kept=[1]), Counter("a")
        self.empty = nn.ReLU()
        self.inside = nn.Sequential(nn.ReLU())
        self.nested = {"a": ([],)}
        self.object = SimpleNamespace(last=None)

    def forward(self, x):
        y = self.linear(x)
        self.act(self, y)
        return self.norm(y)


def fail(m, x):
    m.last = x
    m.steps.add_(1)
    raise RuntimeError("on purpose")


def put_back_later(m, x):
    part = m.linear
    del m.linear
    m.linear = part


def below_the_dispatcher(m, x):
    m.steps.numpy()[...] = 7


def use_randomness(m, x):
    random.random()
    numpy.random.rand()
    torch.rand(3)


# fmt: off
ACTS = {
    "nothing":             lambda m, x: None,
    "input in place":      lambda m, x: x.relu_(),
    "caches a tensor":     lambda m, x: setattr(m, "last", x),
    "replaces a tensor":   lambda m, x: setattr(m, "plain", x),
    "appends":             lambda m, x: m.log.append(x),
    "fills a dict":        lambda m, x: m.cache.update(k=x),
    "fills a set":         lambda m, x: m.seen.add(x),
    "fills a counter":     lambda m, x: m.counts.update("ab"),
    "fills a defaultdict": lambda m, x: m.by_name.update(new=[x]),
    "deletes":             lambda m, x: delattr(m, "plain"),
    "adds in place":       lambda m, x: m.plain.add_(1),
    "counts":              lambda m, x: m.steps.add_(1),
    "an equal buffer":     lambda m, x: setattr(m, "steps", m.steps * 1),
    "an equal parameter":  lambda m, x: setattr(m.norm, "bias", nn.Parameter(m.norm.bias * 1)),
    "another order":       put_back_later,
    "replaces a buffer":   lambda m, x: setattr(m, "steps", m.steps + 1),
    "numpy":               below_the_dispatcher,
    "buffer .data":        lambda m, x: setattr(m.steps, "data", x.detach().sum()),
    "weight in place":     lambda m, x: m.linear.weight.mul_(2),
    "weight .data":        lambda m, x: m.linear.weight.data.mul_(2),
    "replaced .data":      lambda m, x: setattr(m.linear.weight, "data", m.linear.weight.data / 2),
    "written and replaced": lambda m, x: setattr(m.linear.weight.mul_(2), "data", m.linear.weight.data + 1),
    "new parameter":       lambda m, x: setattr(m, "extra", nn.Parameter(torch.ones(2))),
    "new module":          lambda m, x: setattr(m, "extra", nn.Linear(2, 2)),
    "new buffer":          lambda m, x: m.empty.register_buffer("extra", x),
    "removes a module":    lambda m, x: m._modules.pop("empty", None),
    "empties and fills":   lambda m, x: (m.inside._modules.clear(), m.inside.register_buffer("extra", x)),
    "hooks":               lambda m, x: m.linear.register_forward_hook(lambda *args: None),
    "backward hooks":      lambda m, x: m.linear.register_full_backward_hook(lambda *args: None),
    "hooks of the state":  lambda m, x: m.empty.register_state_dict_post_hook(lambda *args: None),
    "forward":             lambda m, x: setattr(m.linear, "forward", lambda x: x),
    "class":               lambda m, x: setattr(m.empty, "__class__", nn.Tanh),
    "another type":        lambda m, x: m.inside.half(),
    "mode":                lambda m, x: m.train(),
    "randomness":          use_randomness,
    "fills what is inside": lambda m, x: (m.cache.setdefault("k", {}).update(k=x), m.nested["a"][0].append(x)),
    "fills an object":     lambda m, x: setattr(m.object, "last", x),
    "freezes":             lambda m, x: m.linear.weight.requires_grad_(False),
    "passing buffer":      lambda m, x: m.empty.register_buffer("extra", x, persistent=False),
    "fails":               fail,
}
# fmt: on


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
def test_whatever_a_forward_does(name: str, training: bool) -> None:
    assert_untouched(Stateful(ACTS[name]).train(training), torch.rand(3, 4))


def test_mixed_training_flags_and_hooks() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(inplace=True)).train()
    module[1].eval()  # a frozen norm
    module[0].register_forward_hook(lambda m, args, result: result * 2)
    module[0].register_forward_pre_hook(lambda m, args: None)
    module[1].register_full_backward_hook(lambda *args: None)
    assert_untouched(module, torch.rand(2, 3, 8, 8))
    assert [part.training for part in module] == [True, False, True, True]
    assert len(module[0]._forward_hooks) == 1


def test_hooks_that_a_run_removes_are_there_again() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    handles = [
        module[0].register_full_backward_hook(lambda *args: None),
        module[0].register_forward_hook(lambda *args: None, with_kwargs=True, always_call=True),
    ]

    def remove(m, args):
        for handle in handles:
            handle.remove()

    handles.append(module[1].register_forward_pre_hook(remove))
    assert_untouched(module, torch.rand(2, 4))
    assert len(module[1]._forward_pre_hooks) == len(module[0]._backward_hooks) == len(module[0]._forward_hooks) == 1


def test_a_module_that_holds_on_to_its_own_dicts() -> None:
    class Aliased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.own, self.parts = vars(self), (self._modules,)

        def forward(self, x):
            self.own["factor"], self.parts[0]["act"] = 2, nn.ReLU()
            return self.act(self.linear(x)) * self.factor

    module = Aliased()
    attributes = vars(module)
    graph = capture(module, (torch.rand(2, 4),))
    assert [operator.name for operator in graph.operators] == ["aten::linear", "aten::relu", "aten::mul"]
    assert vars(module) is module.own is attributes
    assert "_call_impl" not in attributes
    assert "factor" not in attributes
    assert module.parts == ({"linear": module.linear},)
    assert module.parts[0] is module._modules


def test_a_recurrent_layer_whose_weight_the_forward_sets() -> None:
    class Dropped(nn.Module):
        """Drops connections, as AWD-LSTM does."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 4)
            self.kept = nn.Parameter(self.lstm._parameters.pop("weight_hh_l0").detach())
            self.lstm.weight_hh_l0 = self.kept.detach()

        def forward(self, x):
            self.lstm.weight_hh_l0 = self.kept * 2
            return self.lstm(x)[0]

    module = Dropped()
    before = list(map(id, module.lstm._flat_weights))
    assert_untouched(module, torch.rand(3, 2, 4))
    assert list(map(id, module.lstm._flat_weights)) == before


def test_a_module_whose_training_flag_is_a_property() -> None:
    class Frozen(nn.Module):
        training = property(lambda self: vars(self)["flag"], lambda self, flag: vars(self).update(flag=flag))

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4).eval()
            self.register_buffer("steps", torch.zeros(3))

        def forward(self, x):
            self.steps = self.steps + 1
            self.extra = nn.ReLU()
            self.register_forward_hook(lambda *args: None)
            return self.linear(x)

    assert_untouched(nn.Sequential(Frozen(), torch.jit.script(nn.ReLU())), torch.rand(3, 4))


def test_training_normalisation_is_counted_as_inference() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    x = torch.rand(2, 3, 8, 8)
    assert capture(module.train(), (x,)).operators == capture(module.eval(), (x,)).operators


LAZY = lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))  # noqa: E731


def test_lazy_modules_are_counted_and_stay_lazy() -> None:
    module = LAZY()
    result = lwprof.profile(module, inputs=(torch.zeros(1, 3, 6, 6),))
    assert (result.totals.params, result.totals.mult_adds) == (112 + 8 + 325, 16 * 4 * 27 + 320)
    assert sum(layer.params for layer in result.layers) == 445
    assert [type(part).__name__ for part in module] == ["LazyConv2d", "LazyBatchNorm2d", "Flatten", "LazyLinear"]
    assert all(nn.parameter.is_lazy(p) for p in module.parameters())
    again = lwprof.profile(module, inputs=(torch.zeros(1, 3, 10, 10),))  # another size: nothing was fixed
    assert again.totals.params == 112 + 8 + 64 * 4 * 5 + 5
    filled = LAZY()
    filled(torch.rand(2, 3, 6, 6))
    module.load_state_dict(filled.state_dict())
    assert module.eval()(torch.rand(2, 3, 6, 6)).shape == (2, 5)
    other = LAZY()
    capture(other, (torch.zeros(2, 3, 6, 6),))
    torch.manual_seed(0)
    expected = LAZY()(torch.ones(2, 3, 6, 6))
    torch.manual_seed(0)
    assert torch.equal(other(torch.ones(2, 3, 6, 6)), expected)


def test_what_cannot_be_copied_is_not_copied() -> None:
    import threading

    module = nn.Linear(4, 4)
    module.lock, module.grown = threading.Lock(), module.weight * 2
    with pytest.raises((TypeError, RuntimeError)):
        copy.deepcopy(module)
    assert capture(module, (torch.zeros(1, 4),)).operators


def test_gradients_flow_afterwards() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    x = torch.rand(2, 4, requires_grad=True)
    capture(module, (x,))
    module(x).sum().backward()
    assert x.grad is not None
    assert module[0].weight.grad is not None


@pytest.mark.parametrize("guard", [torch.inference_mode, torch.no_grad, lambda: torch.device("meta")])
def test_the_callers_mode_does_not_matter(guard) -> None:
    module, x = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.rand(2, 5, 8)
    expected = capture(module, (x,)).operators
    with guard():
        assert capture(module, (x,)).operators == expected


def test_interruption_restores_as_well() -> None:
    def interrupt(m, x):
        m.last = x
        raise KeyboardInterrupt

    module = Stateful(interrupt)
    before = fingerprint(module)
    with pytest.raises(KeyboardInterrupt):
        capture(module, (torch.zeros(3, 4),))
    assert fingerprint(module) == before
