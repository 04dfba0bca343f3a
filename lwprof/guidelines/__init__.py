"""Guidelines: what makes a network slow or hard to deploy, one rule a file."""

from __future__ import annotations

from lwprof.errors import InputError, near
from lwprof.guidelines import (
    d1_relu_after_linear_bottleneck,
    d2_costly_stem,
    d3_off_multiple_channels,
    d4_unfoldable_batch_norm,
    d5_softmax_in_network,
    d6_fixed_size_pooling,
    d7_soft_activation,
    d8_heavy_classifier,
    d9_unreached_parameters,
    g1_unequal_channel_widths,
    g2_costly_group_convolution,
    g3_fragmented_block,
    g4_elementwise_traffic,
)
from lwprof.guidelines.evidence import Evidence
from lwprof.guidelines.rule import Advice, Case, Rule, Step, Thresholds

__all__ = ["RULES", "Advice", "Case", "Evidence", "Rule", "Step", "Thresholds", "find"]

RULES: tuple[Rule, ...] = (
    g1_unequal_channel_widths.RULE,
    g2_costly_group_convolution.RULE,
    g3_fragmented_block.RULE,
    g4_elementwise_traffic.RULE,
    d1_relu_after_linear_bottleneck.RULE,
    d2_costly_stem.RULE,
    d3_off_multiple_channels.RULE,
    d4_unfoldable_batch_norm.RULE,
    d5_softmax_in_network.RULE,
    d6_fixed_size_pooling.RULE,
    d7_soft_activation.RULE,
    d8_heavy_classifier.RULE,
    d9_unreached_parameters.RULE,
)
"""Every rule, in the order of their codes."""


def find(name: str) -> Rule:
    """Find a rule by its code or slug.

    Raises:
        InputError: there is none.

    >>> find("g1").slug
    'unequal-channel-widths'
    """
    for rule in RULES:
        if name.upper() == rule.code or name.lower() == rule.slug:
            return rule
    known = [*(rule.code for rule in RULES), *(rule.slug for rule in RULES)]
    hint = near(name, known) or f"; there is {', '.join(rule.code for rule in RULES)}"
    raise InputError(f"unknown guideline {name!r}{hint}")
