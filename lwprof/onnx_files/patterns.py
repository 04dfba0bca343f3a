"""Patterns: activations and layers that exporters spell out, as the one operator that they were.

Each rule looks at the last node of a spelling and walks back. The nodes before it are taken in only if nothing
else reads what they make.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from lwprof.onnx_files.nodes import Node
from lwprof.onnx_files.surroundings import Match, Surroundings
from lwprof.onnx_files.tensors import Known

Rule = Callable[[Node, Surroundings], Match | None]


def hard_sigmoid(node: Node, around: Surroundings) -> Match | None:
    """``clip(x + 3, 0, 6) / 6``, or ``clip(x/6 + 1/2, 0, 1)``."""
    operand, factor = around.times(node)
    if operand and math.isclose(factor, 1 / 6, rel_tol=1e-3):
        clip = around.clip(operand, 0.0, 6.0)
        add = clip and around.made(clip.inputs[0], "Add")
        x = around.plus(add, 3.0)
        return Match("HardSigmoid", (x,), (clip, add)) if clip and add and x else None
    if node.type == "Clip" and around.bounds(node) == (0.0, 1.0):
        add = around.made(node.inputs[0], "Add")
        scaled = around.plus(add, 0.5)
        inner = around.made(scaled, "Mul") or around.made(scaled, "Div")
        x, factor = around.times(inner)
        if add and inner and x and math.isclose(factor, 1 / 6, rel_tol=1e-3):
            return Match("HardSigmoid", (x,), (add, inner))
    return None


def hard_swish(node: Node, around: Surroundings) -> Match | None:
    """``x · hard_sigmoid(x)``, or ``x · clip(x + 3, 0, 6) / 6`` with the division last."""
    if node.type == "Mul":
        for x, other in around.operands(node):
            gate = around.made(other, "HardSigmoid")
            if gate and gate.inputs[0] == x:
                return Match("HardSwish", (x,), (gate,))
    operand, factor = around.times(node)
    product = around.made(operand, "Mul")
    if product and math.isclose(factor, 1 / 6, rel_tol=1e-3):
        for x, other in around.operands(product):
            clip = around.clip(other, 0.0, 6.0)
            add = clip and around.made(clip.inputs[0], "Add")
            if clip and add and around.plus(add, 3.0) == x:
                return Match("HardSwish", (x,), (product, clip, add))
    return None


def swish(node: Node, around: Surroundings) -> Match | None:
    """``x · sigmoid(x)``."""
    if node.type == "Mul":
        for x, other in around.operands(node):
            gate = around.made(other, "Sigmoid")
            if gate and gate.inputs[0] == x:
                return Match("Swish", (x,), (gate,))
    return None


def mish(node: Node, around: Surroundings) -> Match | None:
    """``x · tanh(softplus(x))``."""
    if node.type == "Mul":
        for x, other in around.operands(node):
            tanh = around.made(other, "Tanh")
            plus = tanh and around.made(tanh.inputs[0], "Softplus")
            if tanh and plus and plus.inputs[0] == x:
                return Match("Mish", (x,), (tanh, plus))
    return None


def gelu(node: Node, around: Surroundings) -> Match | None:
    """``x · (1 + erf(x / √2)) / 2``, or ``x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2``, factors in any order."""
    factors, number, absorbed = _product(node, around)
    if len(factors) != 2 or not math.isclose(number, 0.5, rel_tol=1e-3):
        return None
    for x, other in (factors, factors[::-1]):
        add = around.made(other, "Add")
        tanh = around.made(around.plus(add, 1.0), "Tanh")
        inside, numbers = _made_of(x, tanh.inputs[0], around) if tanh else ([], [])
        if add and tanh and _among(numbers, math.sqrt(2 / math.pi)) and _among(numbers, 0.044715):
            return Match("Gelu", (x,), (*absorbed, add, tanh, *inside))
        erf = around.made(around.plus(add, 1.0), "Erf")
        inner = erf and (around.made(erf.inputs[0], "Div") or around.made(erf.inputs[0], "Mul"))
        operand, factor = around.times(inner or None)
        if add and erf and inner and operand == x and math.isclose(factor, math.sqrt(0.5), rel_tol=1e-3):
            return Match("Gelu", (x,), (*absorbed, add, erf, inner))
    return None


def _made_of(x: str, name: str, around: Surroundings) -> tuple[list[Node], list[float]]:
    """The few nodes that make ``name`` of ``x`` and numbers alone, and those numbers; nothing where that is not so."""
    nodes: dict[str, Node] = {}
    numbers: list[float] = []
    waiting = [name]
    while waiting:
        name = waiting.pop()
        number = around.number(name)
        if number is not None:
            numbers.append(number)
        elif name != x and name not in nodes:
            node = around.made(name, "Mul") or around.made(name, "Add") or around.made(name, "Pow")
            if node is None or len(nodes) == 6:
                return [], []
            nodes[name] = node
            waiting.extend(node.inputs)
    return list(nodes.values()), numbers


def _among(numbers: Sequence[float], wanted: float) -> bool:
    return any(math.isclose(number, wanted, rel_tol=1e-3) for number in numbers)


def _product(node: Node, around: Surroundings) -> tuple[list[str], float, list[Node]]:
    """The factors of a product of products, their numbers multiplied, and the nodes inside."""
    factors: list[str] = []
    absorbed: list[Node] = []
    number = 1.0
    waiting = [node] if node.type in ("Mul", "Div") else []
    while waiting:
        product = waiting.pop()
        absorbed.append(product)
        if product.type == "Div":
            names, number = list(product.inputs[:1]), number / (around.number(product.inputs[1]) or math.inf)
        else:
            names = list(product.inputs)
        for name in names:
            factor = around.number(name)
            inner = around.made(name, "Mul") or around.made(name, "Div")
            if factor is not None:
                number *= factor
            elif inner and around.read_once(name) and len(absorbed) + len(waiting) < 4:
                waiting.append(inner)
            else:
                factors.append(name)
    return factors, number, absorbed[1:]


def layer_norm(node: Node, around: Surroundings) -> Match | None:
    """``(x - mean) / sqrt(mean((x - mean)²) + ε)`` over the last dimension."""
    if node.type != "Div":
        return None
    centred, root = around.made(node.inputs[0], "Sub"), around.made(node.inputs[1], "Sqrt")
    add = root and around.made(root.inputs[0], "Add")
    variance = next((v for name in (add.inputs if add else ()) if (v := around.made(name, "ReduceMean"))), None)
    square = variance and (around.made(variance.inputs[0], "Pow") or around.made(variance.inputs[0], "Mul"))
    if not (centred and root and add and variance and square):
        return None
    mean = around.made(centred.inputs[1], "ReduceMean")
    if mean and mean.inputs[0] == centred.inputs[0] and square.inputs[0] == node.inputs[0]:
        return Match("LayerNormalization", centred.inputs[:1], (centred, root, add, variance, square, mean))
    return None


def scaled_norm(node: Node, around: Surroundings) -> Match | None:
    """A layer normalisation, then its weight, then its bias."""
    if node.type in ("Mul", "Add"):
        for operand, weight in around.operands(node):
            norm = around.made(operand, "LayerNormalization")
            known = around.known.get(weight)
            if norm and known and known.fixed and len(norm.inputs) == (1 if node.type == "Mul" else 2):
                return Match("LayerNormalization", (*norm.inputs, weight), (norm,))
    return None


def bias(node: Node, around: Surroundings) -> Match | None:
    """A product with stored weights, then one stored number for each feature or channel."""
    if node.type == "Add":
        for operand, other in around.operands(node):
            added = around.known.get(other)
            product = around.made(operand, "MatMul") or around.made(operand, "Conv")
            weight = around.known.get(product.inputs[1]) if product else None
            if not (product and weight and added and weight.fixed and added.fixed and len(product.inputs) == 2):
                continue
            shape, sizes = added.shape, weight.sizes or ()
            if product.type == "Conv" and shape in (
                (1, sizes[0], *[1] * (len(sizes) - 2)),
                (sizes[0], *[1] * (len(sizes) - 2)),
            ):
                return Match("Conv", (*product.inputs, other), (product,), product)
            if product.type == "MatMul" and len(sizes) == 2 and shape == sizes[1:]:
                return Match("Gemm", (*product.inputs, other), (product,), product)
    return None


RULES: tuple[Rule, ...] = (hard_sigmoid, hard_swish, swish, mish, gelu, layer_norm, scaled_norm, scaled_norm, bias)
"""In this order: later ones see what earlier ones found."""


def recognised(nodes: Sequence[Node], known: Mapping[str, Known], results: Sequence[str]) -> list[Node]:
    """Return the nodes with every spelling replaced by one operator, in the place of its last node."""
    found = list(nodes)
    for rule in RULES:
        around = Surroundings(found, known, results)
        gone: set[int] = set()
        replaced: set[int] = set()
        for place, node in enumerate(found):
            binary = node.type in ("Mul", "Add", "Div") and len(node.inputs) == 2
            match = rule(node, around) if not node.domain and (binary or node.type == "Clip") else None
            taken = gone | replaced
            if match and around.private(match, node) and not taken.intersection(map(id, match.absorbed)):
                gone.update(map(id, match.absorbed))
                replaced.add(id(node))
                first = match.continues
                name, attributes = (first.name, first.attributes) if first else (node.name, {})
                found[place] = Node(match.type, match.inputs, node.outputs, attributes, name)
        found = [node for node in found if id(node) not in gone]
    return found
