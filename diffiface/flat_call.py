"""f as a function of arrays alone, for a library whose transformations (jit, vmap, grad) take no other results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from diffiface import trees

if TYPE_CHECKING:
    from diffiface.adapter import FlatFunction, Leaves
    from diffiface.primitives import Primitives


class FlatCall:
    """One run of f: `flat(*xs) -> (ys, arrays in aux)`.

    What else aux holds (text, plain numbers) cannot pass through the library and is kept in `rest`.
    """

    def __init__(
        self,
        f: FlatFunction,
        trace: Callable[[], Primitives],
        contexts: Leaves,
        as_array: Callable[[Any], Any],
    ):
        """Take f, what starts a trace for a run of it, its constants, and how a plain number or NumPy array becomes
        an array of the library."""
        self._f, self._trace, self._contexts, self._as_array = f, trace, contexts, as_array
        self.rest: tuple[Any, list[Any]] | None = None

    def __call__(self, *xs: Any) -> tuple[tuple[Any, ...], list[Any]]:
        p = self._trace()
        is_array = p.traced_type
        ys, aux = self._f(p, xs, self._contexts)
        ys = tuple(y if isinstance(y, is_array) else self._as_array(y) for y in ys)
        if aux is None:
            return ys, []
        leaves, structure = trees.flatten(aux)
        self.rest = structure, [None if isinstance(leaf, is_array) else (leaf,) for leaf in leaves]
        return ys, [leaf for leaf in leaves if isinstance(leaf, is_array)]


def rebuild_aux(rest: tuple[Any, list[Any]] | None, arrays: Sequence[Any]) -> Any:
    """Put aux together from the arrays that the library returned and what a `FlatCall` has kept."""
    if rest is None:
        return None
    structure, kept = rest
    remaining = iter(arrays)
    return trees.unflatten(structure, [next(remaining) if leaf is None else leaf[0] for leaf in kept])
