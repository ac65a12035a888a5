"""PyTorch's own options: the device of NumPy arrays, torch.compile, and how values are kept for the derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint as compute_again

from diffiface.adapter import FlatFunction, InputError, Leaves, Primitives, UnsupportedOperationError


def check_options(device: Any, compile: Any, checkpoint: Any) -> None:
    """Raise `InputError` for a device that is not here, a compiler PyTorch does not know, or another way of keeping."""
    if device is not None:
        try:
            torch.empty(0, device=torch.device(device))
        except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"device={device!r} cannot be used: {first}", engine="torch", fix="'cpu', or a device that is here"
            ) from None
    if not isinstance(compile, (bool, str)) or (isinstance(compile, str) and compile not in _compilers()):
        known = ", ".join(map(repr, _compilers()))
        raise InputError(f"compile={compile!r} is not known", engine="torch", fix=f"False, True, or one of {known}")
    if checkpoint not in (False, True, "cpu") or isinstance(checkpoint, (int, float)) is not isinstance(
        checkpoint, bool
    ):
        raise InputError(f"checkpoint={checkpoint!r} is not known", engine="torch", fix="False, True or 'cpu'")


def _compilers() -> list[str]:
    import torch._dynamo  # which takes seconds

    return [*torch._dynamo.list_backends(), "eager", "aot_eager"]


class Compiled:
    """A function written in PyTorch, run through `torch.compile`: compiled at its first call, and again for new shapes."""

    native = True

    def __init__(self, f: FlatFunction, operator: str, compiler: str):
        if operator not in ("gradient", "pullback"):
            raise UnsupportedOperationError(
                f"{operator} cannot be compiled: PyTorch does not differentiate compiled functions twice",
                engine="torch",
                fix="leave compile out, or use 'jax', 'forward' or 'reverse', which compile every operator",
            )
        if not getattr(f, "native", False):
            raise UnsupportedOperationError(
                "torch.compile does not follow functions written in NumPy",
                engine="torch",
                fix="write the function in PyTorch, or use 'jax', 'forward' or 'reverse', which compile NumPy functions",
            )

        # What surrounds the user's function cannot be compiled and runs as Python; PyTorch compiles what is inside.
        def run(p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
            return f(p, xs, contexts)

        self._run: Callable[..., Any] = torch.compile(run, backend=compiler)

    def __call__(self, p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        return self._run(p, xs, contexts)


def checkpointed(f: FlatFunction, how: bool | str) -> FlatFunction:
    """Return f with what its derivative needs kept elsewhere, or computed again."""

    def on_host(p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        with torch.autograd.graph.save_on_cpu():
            return f(p, xs, contexts)

    def again(p: Primitives, xs: Leaves, contexts: Leaves) -> tuple[tuple[Any, ...], Any]:
        return compute_again(lambda *xs: f(p, xs, contexts), *xs, use_reentrant=False)  # type: ignore[return-value]

    return on_host if how == "cpu" else again
