"""Names of a device and a precision -> the device, and the type of the products' operands."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def usable(device: torch.device | str) -> torch.device:
    """The device with a name such as "cpu", "cuda" or "mps", if this machine has it.

    Raises:
        ValueError: The device does not exist or is not available.

    >>> usable("cpu")
    device(type='cpu')
    """
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"the device {str(device)!r} is not available ({reason}): use cpu, or cuda or mps if"
            " `ff doctor` lists it"
        ) from error
    return torch.device(device)


def products(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The operands' type for a precision; weights, norms and sums stay in float32.

    Args:
        precision: "float32" for the weights' own type, "bfloat16", or "auto": bfloat16 if the
            device multiplies it in hardware.
        device: Where the products are computed.

    Returns:
        A type, or None for the weights' own.

    Raises:
        ValueError: An unknown precision.

    >>> products("bfloat16", torch.device("cpu"))
    torch.bfloat16
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f'precision expects "auto", "float32" or "bfloat16", got {precision!r}')
    fast = precision == "bfloat16" or (precision == "auto" and _multiplies_bfloat16(device))
    return torch.bfloat16 if fast else None


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
