"""Fixtures of results that every format is tried on."""

CANNED = (
    "profile_result",
    "dubious_profile",
    "compare_result",
    "settings_result",
    "gpu_result",
    "arm_result",
    "counted_result",
    "crosscheck_result",
    "audit_result",
    "clean_audit",
    "counted_audit",
    "timed_profile",
    "roofline_result",
    "experiment_result",
    "table8_result",
)
