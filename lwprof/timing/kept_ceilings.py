"""Ceilings that are kept: one file in the cache, of all machines and settings that were measured."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
from typing import Any

from lwprof.errors import InputError
from lwprof.files import write_whole
from lwprof.results.document import json_text, plain, rebuild
from lwprof.results.roofline import Ceilings
from lwprof.timing import last_cache, pinning
from lwprof.timing.conversions import cache
from lwprof.timing.environment import cpu_model
from lwprof.timing.portable.cores import spelled
from lwprof.timing.targets import Target

METHOD = 2
"""Counted up when ceilings are measured otherwise: those of before are then measured anew."""


def read(target: Target) -> Ceilings | None:
    """Give what is kept of a target; ``None`` where that is nothing, or damaged."""
    try:
        found = rebuild(Ceilings, _entries()[_key(target)])
    except (KeyError, TypeError, ValueError):
        return None
    rates = (found.mult_adds_per_s, found.bytes_per_s, found.cache_bytes_per_s, *(item.best_s for item in found.probes))
    return found if all(rate > 0 for rate in rates) else None


def write(target: Target, ceilings: Ceilings) -> None:
    """Keep the ceilings of a target; nothing where the cache cannot be written."""
    entries = _entries() | {_key(target): plain(ceilings)}
    with contextlib.suppress(OSError, InputError):
        cache.cache_folder().mkdir(parents=True, exist_ok=True)
        write_whole(cache.cache_folder() / cache.CEILINGS, json_text(entries, indent=1) + "\n")


def _entries() -> dict[str, Any]:
    try:
        found = json.loads((cache.cache_folder() / cache.CEILINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(target: Target) -> str:
    """Machine, versions (torch's too, whose the traffic is) and setting, as JSON."""
    options = target.options
    chosen = pinning.found_here([options])
    gpu: str = ""
    if options.device == "cuda":
        from lwprof.timing import cuda

        gpu = str(cuda.description().get("gpu"))
    machine = cpu_model(), os.cpu_count(), last_cache.size(options.threads, chosen), gpu
    versions = target.backend.versions() | {"torch": importlib.metadata.version("torch")}
    return json.dumps([METHOD, *machine, target.setting, options.threads, spelled(chosen), sorted(versions.items())])
