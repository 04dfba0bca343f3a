"""Weights: read from a file without running anything that is in it, and put into a network that they fit."""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lwprof.errors import BackendError, InputError, first_line, sentence
from lwprof.files import existing

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts keep the weights beside other things."""
PARALLEL = "module."
"""What ``nn.DataParallel`` puts before every key."""
COUNTER = "num_batches_tracked"
"""A buffer of batch normalisation that old files lack and inference does not read."""

Conversion = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Gives weights of another library the keys of a network of the catalogue."""


def load(file: str | PathLike[str]) -> dict[str, Tensor]:
    """Read a ``state_dict``: ``.safetensors``, else what ``torch.save`` writes; nothing but tensors is unpickled.

    Raises:
        InputError: the file is missing, holds something else than tensors, or is none.
        BackendError: safetensors is not installed.
    """
    path = existing(os.fspath(file), "a file of weights")
    try:
        found = _safetensors(path) if path.suffix == ".safetensors" else _unpickled(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    return _state(found, path)


def fit(
    module: nn.Module,
    state: Mapping[str, Tensor],
    file: str | PathLike[str],
    network: str,
    conversions: Sequence[Conversion] = (),
) -> None:
    """Copy weights into a network.

    Args:
        state: the weights.
        file: where they are from, and ``network`` where they go, for messages.
        conversions: tried in turn where the keys are not the network's own; each raises ``ValueError`` for weights
            that it is not about.

    Raises:
        InputError: they do not fit; the message names the first key that does not.
    """
    own = module.state_dict()
    if not set(own) & set(state):
        state = _converted(state, conversions)
    filled = {**{key: tensor for key, tensor in own.items() if key.endswith(COUNTER)}, **state}
    if (problem := _misfit(own, filled)) is not None:
        raise InputError(f"{file} does not fit {network}: {problem}")
    try:
        module.load_state_dict(filled)
    except RuntimeError as error:
        _, _, why = str(error).partition("\n")  # the first line names the class alone
        raise InputError(f"{file} does not fit {network}: {' '.join(why.split()) or sentence(error)}") from error


def _converted(state: Mapping[str, Tensor], conversions: Sequence[Conversion]) -> Mapping[str, Tensor]:
    for conversion in conversions:
        with contextlib.suppress(ValueError):
            return conversion(state)
    return state


def _safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise BackendError(f"{path} needs safetensors, which is not installed: pip install safetensors") from error
    try:
        return load_file(path)
    except OSError:
        raise
    except Exception as error:
        raise InputError(f"{path} is no file of weights as safetensors writes it ({first_line(error)})") from error


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that it may not be able to read: it says so if it is not
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        if error.errno != errno.EINVAL:  # which a file that is cut off raises
            raise
        raise InputError(f"{path} is no whole file of weights as torch.save writes it; is it cut off?") from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is not a state_dict alone, as torch.save(model.state_dict(), FILE) writes it; anything else would "
            "have to be unpickled, which can run any code"
        ) from error
    except Exception as error:
        if "TorchScript" in str(error):  # what torch advises would run code that is in the file
            raise InputError(
                f"{path} is a TorchScript archive, not a state_dict; load it yourself and save its state_dict()"
            ) from error
        raise InputError(f"{path} is no file of weights as torch.save writes it ({first_line(error)})") from error


def _state(found: Any, path: Path) -> dict[str, Tensor]:
    """Take the weights out of what a file holds."""
    for key in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping):
        raise InputError(f"{path} holds no state_dict but something of type {type(found).__name__}")
    if not found:
        raise InputError(f"{path} holds an empty state_dict")
    for key, value in found.items():
        if not isinstance(key, str):
            raise InputError(f"{path} holds no state_dict: the key {key!r} is of type {type(key).__name__}, not a name")
        if not isinstance(value, Tensor):
            raise InputError(f"{path} holds no state_dict: {key!r} is of type {type(value).__name__}, not a tensor")
    prefix = PARALLEL if all(key.startswith(PARALLEL) for key in found) else ""
    return {key.removeprefix(prefix): value for key, value in found.items()}


def _misfit(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str | None:
    """Say what is wrong with the weights, the first key first."""
    missing = [key for key in own if key not in given]
    unexpected = [key for key in given if key not in own]
    shaped = [key for key in own if key in given and _shape(own[key]) != _shape(given[key])]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        there = f"; it has {unexpected[0]!r}, which the network has not" if unexpected else ""
        return f"{missing[0]!r}{more} {'are' if more else 'is'} missing{there}"
    if unexpected:
        more = f" and {len(unexpected) - 1} more" if len(unexpected) > 1 else ""
        return f"the network has no {unexpected[0]!r}{more}"
    if shaped:
        key = shaped[0]
        more = f" ({len(shaped) - 1} more have another shape)" if len(shaped) > 1 else ""
        return f"{key!r} has shape {_shape(given[key])} in the file and {_shape(own[key])} in the network{more}"
    return None


def _shape(tensor: Tensor) -> tuple[int, ...] | None:
    """Shape of a tensor; ``None`` for one that a lazy module has not made yet."""
    return None if nn.parameter.is_lazy(tensor) else tuple(tensor.shape)
