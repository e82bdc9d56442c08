"""Training state in safetensors files: written whole or not at all, read back to go on."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


def save(path: Path, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
    """Writes beside the file first, so that an interrupted run leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({name: t.detach().contiguous().clone() for name, t in tensors.items()}, partial, notes)
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes of a file written by `save`."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's moments by parameter number."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{key}": torch.as_tensor(v) for i, s in state.items() for key, v in s.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`; learning rates stay as they are."""
    whole = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
    whole["state"] = state
    optimizer.load_state_dict(whole)
