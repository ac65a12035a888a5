"""What every engine is asked in a comparison: the operator call, and how the entries of its result are numbered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from diffiface import trees
from diffiface.adapter import NUMPY, Backend, Mode
from diffiface.arrays import NUMPY_FAMILY, family_of, is_plain
from diffiface.contexts import Cache, Constant
from diffiface.errors import InputError
from diffiface.operators.call import Call
from diffiface.operators.derivative import DERIVATIVE
from diffiface.operators.gradient import GRADIENT
from diffiface.operators.hessian import HESSIAN
from diffiface.operators.hvp import HVP
from diffiface.operators.jacobian import JACOBIAN
from diffiface.operators.operator import Operator, Part
from diffiface.operators.pullback import PULLBACK
from diffiface.operators.pushforward import PUSHFORWARD
from diffiface.operators.second_derivative import SECOND_DERIVATIVE

_DESCRIPTORS = (PUSHFORWARD, PULLBACK, DERIVATIVE, GRADIENT, JACOBIAN, SECOND_DERIVATIVE, HVP, HESSIAN)
OPERATORS = {operator.name: operator for operator in _DESCRIPTORS} | {"jvp": PUSHFORWARD, "vjp": PULLBACK}

Direction = tuple[np.ndarray, ...]
"""One array per leaf of x."""


class LayoutError(ValueError):
    """A result has not the structure, shapes or dtypes that the operator promises."""


@dataclass(frozen=True, repr=False)
class PlainNumPy(Backend):
    """Stands in for an engine where f is only evaluated; it computes no derivative."""

    name = "compare"
    mode = Mode.NUMERIC
    exact = False
    traces = False
    nests = "in any engine"

    def supplies(self, operator: str) -> bool:
        return True


@dataclass(frozen=True)
class Block:
    """One array of a result: where it stands, and which leaves of y and x its entries belong to."""

    path: str
    shape: tuple[int, ...]
    y_leaf: int | None = None
    x_leaves: tuple[int, ...] = ()
    member: int = 0
    """Which of a batch of tangents or cotangents."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Probe:
    """The quantity whose derivative along `directions` an entry of the result is."""

    quantity: Callable[[Sequence[np.ndarray]], Any]
    directions: tuple[Direction, ...]


@dataclass
class Problem:
    """An operator call before any engine runs it: arguments checked, f evaluated once in plain NumPy."""

    f: Callable[..., Any]
    operator: Operator
    arguments: tuple[Any, ...]
    t: Any
    argnums: int | tuple[int, ...]
    call: Call = field(init=False)
    ys: tuple[np.ndarray, ...] = field(init=False)
    blocks: tuple[Block, ...] = field(init=False)
    structure: Any = field(init=False)

    def __post_init__(self) -> None:
        if (self.operator.seeds is None) != (self.t is None):
            needed = "needs t=, the" if self.operator.seeds else "takes no"
            raise InputError(f"{self.operator.name} {needed} {self.operator.seeds or 'tangent t='}", engine="compare")
        arguments, t = self.fresh_arguments()
        self.call = Call(self.operator, self.f, PlainNumPy(), arguments, t, argnums=self.argnums)
        with np.errstate(all="ignore"):
            self.ys = self.value(self.call.xs)
        self._lay_out()

    # ---- arguments and values

    def fresh_arguments(self) -> tuple[tuple[Any, ...], Any]:
        """Copy the arguments of f and the seeds, so that no engine can spoil them for the next."""
        return tuple(map(copied, self.arguments)), None if self.t is None else copied(self.t)

    def value(self, xs: Sequence[Any]) -> tuple[np.ndarray, ...]:
        """Evaluate f in plain NumPy at other leaves of x, in double precision."""
        wide = [np.array(x, dtype=np.result_type(x, np.float64)) for x in xs]
        ys, _ = self.call.function(NUMPY, wide, self.call.contexts)
        return tuple(np.asarray(y) for y in ys)

    def moved_arguments(self, size: float) -> tuple[tuple[Any, ...], Any]:
        """Copy the arguments with every float in them moved, up or down, by `size` of itself."""
        arguments, t = self.fresh_arguments()
        signs = np.random.default_rng(0)

        def moved(leaf: Any) -> Any:
            if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fc":
                return leaf * (1 + size * signs.choice([-1.0, 1.0], leaf.shape)).astype(leaf.real.dtype)
            return leaf * type(leaf)(1 + size) if isinstance(leaf, (float, np.floating)) else leaf

        def moved_argument(argument: Any) -> Any:
            if isinstance(argument, (Constant, Cache)):
                return type(argument)(moved_argument(argument.value))
            return trees.map_leaves(moved, argument)

        return tuple(map(moved_argument, arguments)), t

    @property
    def epsilon(self) -> float:
        """The precision in which the problem is posed: that of x, or of y where f itself computes in less."""
        dtypes = [*(spec.dtype for spec in self.call.x_specs), *(y.dtype for y in self.ys)]
        return max(float(np.finfo(dtype).eps) for dtype in dtypes)

    @property
    def in_double(self) -> bool:
        """Whether it is posed in double precision."""
        return self.epsilon < 1e-10

    @property
    def order(self) -> int:
        """How many times the operator differentiates."""
        return 2 if self.operator.name in ("second_derivative", "hvp", "hessian") else 1

    @property
    def plain_part(self) -> Part:
        """What the operator's plain variant returns."""
        (index,) = self.operator.variants[self.operator.name]
        return self.operator.parts[index]

    @property
    def x_dtype(self) -> np.dtype:
        """The dtype of x's leaves together."""
        return np.result_type(*(spec.dtype for spec in self.call.x_specs))

    # ---- the result's entries

    def _lay_out(self) -> None:
        x_structure, y_structure = self.call.x_structure, self.call.function.y_structure
        x_shapes, y_shapes = [spec.shape for spec in self.call.x_specs], [y.shape for y in self.ys]
        blocks: list[Block] = []

        def place(block: Block) -> int:
            blocks.append(block)
            return len(blocks) - 1

        def like_x(prefix: tuple[int, ...] = (), y: int | None = None, x: tuple[int, ...] = (), member: int = 0) -> Any:
            placed = [place(Block("", prefix + shape, y, (*x, i), member)) for i, shape in enumerate(x_shapes)]
            return trees.unflatten(x_structure, placed)

        def like_y(member: int = 0) -> Any:
            placed = [place(Block("", shape, i, (), member)) for i, shape in enumerate(y_shapes)]
            return trees.unflatten(y_structure, placed)

        part, batch = self.plain_part, self.call.batch
        if part in ("x", "y"):
            tree = like_x() if part == "x" else like_y()
        elif part in ("batch of x", "batch of y"):
            like = like_x if part == "batch of x" else like_y
            tree = like() if batch is None else tuple(like(member=member) for member in range(batch))
        elif part == "y by x":
            tree = trees.unflatten(y_structure, [like_x(shape, y=i) for i, shape in enumerate(y_shapes)])
        else:
            tree = trees.unflatten(x_structure, [like_x(shape, x=(i,)) for i, shape in enumerate(x_shapes)])
        order, self.structure = trees.flatten(tree)
        paths = trees.paths(self.structure)
        self.blocks = tuple(replace(blocks[i], path=path) for i, path in zip(order, paths, strict=True))

    @property
    def size(self) -> int:
        """The number of entries of the result."""
        return sum(block.size for block in self.blocks)

    def locate(self, entry: int) -> tuple[Block, tuple[int, ...]]:
        """Find the block and the index within it of an entry's number."""
        for block in self.blocks:
            if entry < block.size:
                return block, tuple(int(i) for i in np.unravel_index(entry, block.shape)) if block.shape else ()
            entry -= block.size
        raise IndexError(entry)

    def label(self, entry: int) -> str:
        """Name an entry as Python would reach it: `['a'][2]`, `[0, 1]`; a scalar result is `value`."""
        block, index = self.locate(entry)
        return block.path + (str(list(index)) if index else "") or "value"

    def probe(self, entry: int, unit: complex = 1.0) -> Probe:
        """Say which derivative of which quantity an entry is; `unit` is 1j for its imaginary part, if x is complex."""
        block, index = self.locate(entry)
        y_rank = len(self.ys[block.y_leaf].shape) if block.y_leaf is not None else 0
        y_index, x_index = index[:y_rank], index[y_rank:]
        directions = []
        for leaf in block.x_leaves:
            rank = len(self.call.x_specs[leaf].shape)
            directions.append(self._unit_direction(leaf, x_index[:rank], unit))
            x_index = x_index[rank:]
        seeds = None if self.call.seeds is None else tuple(seed[block.member] for seed in self.call.seeds)
        if self.operator.seeds == "tangents" and seeds is not None:
            directions.append(seeds)
        elif not directions:
            directions = [self._unit_direction(0, (), 1.0)] * self.order
        if self.operator.seeds == "cotangents" and seeds is not None:
            return Probe(partial(_paired, seeds), tuple(directions))
        y_leaf = block.y_leaf or 0
        return Probe(lambda ys: ys[y_leaf][y_index], tuple(directions))

    def _unit_direction(self, leaf: int, index: tuple[int, ...], unit: complex) -> Direction:
        direction = [np.zeros(x.shape, x.dtype) for x in self.call.xs]
        direction[leaf][index] = unit
        return tuple(direction)

    def flatten(self, result: Any) -> np.ndarray:
        """Number a result's entries: all leaves in one vector. Raises `LayoutError` for a result of another kind."""
        leaves, structure = trees.flatten(result)
        if structure != self.structure:
            raise LayoutError(f"structure {trees.describe(structure)} instead of {trees.describe(self.structure)}")
        vectors = []
        for leaf, block in zip(leaves, self.blocks, strict=True):
            array = self._checked(leaf, block)
            vectors.append(array.astype(np.result_type(array, np.float64)).ravel())
        return np.concatenate(vectors)

    def _checked(self, leaf: Any, block: Block) -> np.ndarray:
        where = f" at {block.path}" if block.path else ""
        if is_plain(leaf):
            array = np.asarray(leaf)
        else:
            family = family_of(leaf)
            if family is None or all(spec.family == NUMPY_FAMILY for spec in self.call.x_specs):
                raise LayoutError(f"{type(leaf).__name__} instead of a NumPy array{where}")
            array = np.asarray(family.to_numpy(leaf))
        if array.shape != block.shape:
            raise LayoutError(f"shape {array.shape} instead of {block.shape}{where}")
        expected = self._expected_dtype(block)
        too_wide = self.plain_part in ("x", "batch of x") and array.dtype.itemsize > expected.itemsize
        if array.dtype.kind != expected.kind or array.dtype.itemsize < expected.itemsize or too_wide:
            raise LayoutError(f"dtype {array.dtype} instead of {expected}{where}")
        return array

    def _expected_dtype(self, block: Block) -> np.dtype:
        x_dtype = self.call.x_specs[block.x_leaves[-1]].dtype if block.x_leaves else self.x_dtype
        if block.y_leaf is not None and self.ys[block.y_leaf].dtype.kind == "c":
            return np.result_type(x_dtype, np.complex64)
        return x_dtype

    def flatten_estimate(self, estimate: Any) -> np.ndarray:
        """Number the entries of an engine's error estimate, which comes in the engine's own nesting."""
        leaves = _leaves_of(estimate)
        if self.plain_part.startswith("batch"):
            members = range(self.call.batch or 1)
            leaves = [leaf[member] for member in members for leaf in leaves]
        shapes = [leaf.shape for leaf in leaves]
        if shapes != [block.shape for block in self.blocks]:
            raise LayoutError(f"the error estimate has shapes {shapes}, not those of the result")
        return np.concatenate([np.abs(leaf).ravel() for leaf in leaves]).astype(np.float64)


def _paired(cotangents: Sequence[np.ndarray], ys: Sequence[np.ndarray]) -> float:
    return sum(float(np.sum(np.conj(t) * y).real) for t, y in zip(cotangents, ys, strict=True))


def _leaves_of(nested: Any) -> list[np.ndarray]:
    if isinstance(nested, (list, tuple)):
        return [leaf for member in nested for leaf in _leaves_of(member)]
    return [np.asarray(nested)]


def _copied_leaf(leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray):
        return leaf.copy(order="K")
    family = None if is_plain(leaf) or isinstance(leaf, str) else family_of(leaf)
    return leaf if family is None else family.from_numpy(np.array(family.to_numpy(leaf)), leaf)


def copied(argument: Any) -> Any:
    """Copy the arrays of an argument."""
    if isinstance(argument, (Constant, Cache)):
        return type(argument)(copied(argument.value))
    return trees.map_leaves(_copied_leaf, argument)


def arrays_of(arguments: Sequence[Any]) -> list[np.ndarray]:
    """Return all arrays in the arguments, those of other libraries as NumPy."""
    arrays = []
    for argument in arguments:
        value = argument.value if isinstance(argument, (Constant, Cache)) else argument
        for leaf in trees.flatten(value)[0]:
            if isinstance(leaf, np.ndarray):
                arrays.append(leaf)
            elif not (is_plain(leaf) or isinstance(leaf, str)):
                family = family_of(leaf)
                if family is not None:
                    arrays.append(np.asarray(family.to_numpy(leaf)))
    return arrays


def same_bytes(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> bool:
    """Whether arrays are unchanged to the last bit."""
    return all(
        a.shape == b.shape and a.dtype == b.dtype and (a.dtype.hasobject or a.tobytes() == b.tobytes())
        for a, b in zip(before, after, strict=True)
    )
