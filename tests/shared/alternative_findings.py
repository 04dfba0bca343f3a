"""Findings with layers to write instead, and what came of those."""

from __future__ import annotations

from lwprof.results.audit import Alternative, AuditedModel, AuditResult, Finding, Form


def form(channels: int, type: str = "Conv2d") -> Form:
    return Form(type, {"in_channels": channels, "out_channels": 4, "kernel_size": 1}, (1, channels, 2, 2))


def finding(before: int, after: int, cost: int = 1, module: str = "conv", type: str = "Conv2d") -> Finding:
    return Finding(
        code="G1", slug="s", severity="warning", module=module, message="m", measured=2.0, threshold=1.2, cost=cost,
        cost_share=0.1, suggestion="s",
        alternative=Alternative("nn.…", 1, 1, 1, form(before), form(after, type)),
    )  # fmt: skip


def audited(*findings: Finding) -> AuditResult:
    return AuditResult((AuditedModel("net", findings),), ok=False)


def alternatives(result: AuditResult) -> list[Alternative]:
    return [one.alternative for model in result.models for one in model.findings if one.alternative]
