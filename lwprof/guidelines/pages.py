"""Pages: a rule's documentation, as ``lwprof explain`` and docs/guidelines show it."""

from __future__ import annotations

from lwprof.guidelines.rule import Rule, Thresholds

MEASURED = ("G1", "G2", "G3", "G4")
"""Rules that the ShuffleNetV2 paper argues for with a table."""
SEEN = """## See it

`lwprof experiment {}` measures the paper's table on your device, and says whether its order is seen there."""


def document(rule: Rule) -> str:
    """Put a rule's code, severity and thresholds above what the rule says of itself, in Markdown."""
    facts = [f"Severity: **{rule.severity}**", f"looks at {rule.places}"]
    if rule.quantity:
        facts.append(f"measures {rule.quantity}")
    if rule.thresholds:
        facts.append(f"threshold `{limits(rule.thresholds)}`")
    seen = f"\n{SEEN.format(rule.code.lower())}\n" if rule.code in MEASURED else ""
    return f"# {heading(rule)}\n\n{'; '.join(facts)}.\n\n{rule.page}\n{seen}"


def heading(rule: Rule) -> str:
    """Name a rule by code and slug.

    >>> from lwprof.guidelines import find
    >>> heading(find("G1"))
    'G1 unequal-channel-widths'
    """
    return f"{rule.code} {rule.slug}"


def file_name(rule: Rule) -> str:
    """Name the file of a rule's page in docs/guidelines.

    >>> from lwprof.guidelines import find
    >>> file_name(find("G1"))
    'g1-unequal-channel-widths.md'
    """
    return f"{rule.code.lower()}-{rule.slug}.md"


def limits(thresholds: Thresholds) -> str:
    """Write thresholds as the settings do.

    >>> limits({"fragments": 12, "branches": 3.0})
    'fragments = 12, branches = 3'
    """
    return ", ".join(f"{name} = {limit:g}" for name, limit in thresholds.items())
