"""A product of small matrices as LLVM IR, outside groups of rows: a function that equal products share."""

from __future__ import annotations

from typing import Any

from diffiface_native.compiled import contraction
from diffiface_native.compiled.fold_text import FoldText, only_folds, vector_loop
from diffiface_native.compiled.index_map import Map
from diffiface_native.compiled.nest import Nest
from diffiface_native.compiled.nest_text import Function
from diffiface_native.compiled.subroutine import Caller, Subroutine
from diffiface_native.compiled.walks import Access, access
from diffiface_native.recorded.graph import Value


def lanes_of_product(kernel: Function, nest: Nest) -> int | None:
    """Return along which loop the nest of a product has its lanes; None if it is no product, or has them along none."""
    if nest.looks_up or not any(contraction.is_looped_over(target.value) for target in nest.folds):
        return None
    loops = len(nest.extents)
    folds = [access(kernel.argument(target.value), target.map, loops) for target in nest.folds]
    loads = [access(kernel.argument(e.value), e.map, loops) for e in nest.expressions if e.operation == "load"]
    return vector_loop(nest.extents, loads, folds) if only_folds(nest, folds) else None


class ProductText:
    """Writes the nest of one product."""

    def __init__(self, kernel: Caller, nest: Nest, prefix: str, along: int):
        """Prepare to write a nest with its lanes along this loop."""
        self._kernel = kernel
        self._nest = nest
        self._prefix = prefix
        self._along = along
        self._starts = 0

    def added_to(self) -> list[Value]:
        """Return the values that must hold what changes nothing before the nest folds into them."""
        return [target.value for target in self._nest.folds]

    def write(self) -> None:
        nest, own = self._nest, Subroutine()

        def walk(thing: Any, map_: Map) -> Access:
            return self._walk(thing, map_, own)

        FoldText(own, nest, "n", nest.extents, walk, self._along, complete=False).write()
        self._kernel.call(own)

    def _walk(self, thing: Any, map_: Map, own: Subroutine) -> Access:
        argument = self._kernel.argument(thing)
        if argument.strides is None:
            return access(own.number(argument), map_, len(self._nest.extents))
        found = access(argument, map_, len(self._nest.extents))
        # Where in an array it begins is in the pointer, so that products that differ in it are one function.
        start = f"%{self._prefix}from{self._starts}"
        self._starts += 1
        self._kernel.lines.append(
            f"  {start} = getelementptr {argument.element}, ptr %data{argument.slot}, i64 {found.offset}"
        )
        found.base, found.offset = own.pointer(start), 0
        return found
