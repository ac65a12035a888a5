"""Sparse: any engine, whose Jacobians and Hessians come as sparse matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from diffiface.adapter import NUMPY, Backend, Capabilities, Cotangents, FlatFunction, Leaves, Mode, current_trace
from diffiface.errors import InputError, UnsupportedOperationError
from diffiface.operators.cascade import engine_method
from diffiface.operators.prepared_engine import engine_run
from diffiface.optional_packages import need
from diffiface.registry import resolve
from diffiface.sparse.coloring.options import Coloring
from diffiface.sparse.detection.detectors import Detector, detector_of
from diffiface.sparse.evaluation import Partition, SparseRun
from diffiface.sparse.mixed_mode import MixedMode

_SPARSE = ("jacobian", "hessian")


@dataclass(frozen=True, repr=False)
class Sparse(Backend):
    """An engine whose `jacobian` and `hessian` return SciPy CSR arrays, computed from a few products.

    Columns (or rows) that share no row are computed together, in one product: a Jacobian with a thousand columns and
    three entries in each row needs three. All other operators are the engine's own. Prepare where you can: what is
    done once (finding the pattern, coloring it) costs more than an evaluation.

    Args:
        inner: the engine: a name, an object, or `di.MixedMode(forward, reverse)` to color rows and columns together.
        detector: how the pattern is found: "auto"; "global" (one run of f on index sets; holds for every x); "local"
            (the same at one x); "dense" (the derivative at one x); "engine" (what the engine itself can tell); a
            matrix with the pattern; or a `di.sparse.Detector`.
        coloring: a `di.sparse.Coloring`, or the name of an order.
        verify: True compares with the dense derivative along a random vector when preparing, and in every evaluation
            by a pattern that may hold at one x only (it is then found anew). "always" checks every evaluation of any
            pattern, False none.

    Entries of y count the rows and entries of x the columns, all leaves of a pytree one after the other in C order.

    >>> import numpy as np, diffiface as di
    >>> prep = di.prepare_jacobian(lambda x: np.diff(x**2), di.Sparse("forward"), np.zeros(4))
    >>> prep.jacobian(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
    array([[-2.,  4.,  0.,  0.],
           [ 0., -4.,  6.,  0.],
           [ 0.,  0., -6.,  8.]])
    >>> prep.n_colors
    2
    """

    joins_leaves = True

    inner: str | Backend = "reverse"
    detector: Any = "auto"
    coloring: Any = field(default_factory=Coloring)
    verify: bool | Literal["always"] = True

    def __post_init__(self) -> None:
        need("di.Sparse", "scipy", install="'diffiface[sparse]'")
        engine = resolve(self.inner)
        if isinstance(engine, Sparse):
            raise InputError("Sparse(Sparse(...)) is sparse once", fix="give the inner engine")
        if self.verify not in (True, False, "always"):
            raise InputError(f"verify={self.verify!r} is not known", fix="verify is True, False or 'always'")
        object.__setattr__(self, "inner", engine)
        object.__setattr__(self, "detector", detector_of(self.detector))
        if isinstance(self.coloring, (str, tuple)):
            object.__setattr__(self, "coloring", Coloring(self.coloring))  # type: ignore[arg-type]
        if not isinstance(self.coloring, Coloring):
            raise InputError(
                f"coloring={self.coloring!r:.60} is not known", fix="a di.sparse.Coloring, or the name of an order"
            )
        object.__setattr__(self, "style", engine.style)
        object.__setattr__(self, "chunk_size", engine.chunk_size)

    def __repr__(self) -> str:
        shown = [self.engine.name if self.engine == resolve(self.engine.name) else self.engine]
        options = [
            f"{option.name}={getattr(self, option.name)!r}"
            for option in fields(self)
            if option.name in ("detector", "coloring", "verify")
            and getattr(self, option.name) != getattr(_plain_sparse(self.engine), option.name)
        ]
        return f"Sparse({', '.join([repr(shown[0]), *options])})"

    @property
    def engine(self) -> Backend:
        """The engine that computes."""
        return cast(Backend, self.inner)

    @property
    def detection(self) -> Detector:
        """The detector, whatever way it was given."""
        return self.detector

    @property
    def grouping(self) -> Coloring:
        """The coloring options, whatever way they were given."""
        return self.coloring

    name = property(lambda self: self.engine.name)  # pyright: ignore[reportAssignmentType]
    mode = property(lambda self: self.engine.mode)  # pyright: ignore[reportAssignmentType]
    exact = property(lambda self: self.engine.exact)  # pyright: ignore[reportAssignmentType]
    traces = property(lambda self: self.engine.traces)  # pyright: ignore[reportAssignmentType]
    family = property(lambda self: self.engine.family)  # pyright: ignore[reportAssignmentType]
    nests = property(lambda self: self.engine.nests)  # pyright: ignore[reportAssignmentType]
    complex_inputs = property(lambda self: self.engine.complex_inputs)  # pyright: ignore[reportAssignmentType]

    def capabilities(self) -> Capabilities:
        """Return what the inner engine can do."""
        return self.engine.capabilities()

    # ---- sparse

    def value_and_jacobian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Any, Any]:
        return cast(tuple[Any, Any, Any], self._run("jacobian", f, xs, contexts)(xs, contexts))

    def value_gradient_and_hessian(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Any, Any, Any]:
        return cast(tuple[Any, Any, Any, Any], self._run("hessian", f, xs, contexts)(xs, contexts))

    def _run(self, matrix: Literal["jacobian", "hessian"], f: FlatFunction, xs: Leaves, contexts: Leaves) -> SparseRun:
        if current_trace() is not NUMPY:
            raise UnsupportedOperationError(
                "a sparse matrix cannot hold values that are being differentiated",
                engine=self.name,
                fix="inside a function being differentiated use the dense operator, or products (pushforward, hvp)",
            )
        return SparseRun(matrix, self, f, xs, contexts)

    def partition(self, matrix: Literal["jacobian", "hessian"]) -> Partition:
        """Say what is colored: by what the engine is good at, and for an engine good at both by the fewer colors."""
        if matrix == "hessian":
            return "symmetric"
        if isinstance(self.engine, MixedMode):
            return "both"
        if self.engine.mode is Mode.BOTH and self.engine.supplies("pushforward") and self.engine.supplies("pullback"):
            return "fewer"
        return "rows" if self.engine.mode is Mode.REVERSE or not self.engine.supplies("pushforward") else "columns"

    def products(self) -> tuple[Literal["pushforward", "pullback"], ...]:
        """Return the products a Jacobian may be made of."""
        partition = self.partition("jacobian")
        if partition in ("both", "fewer"):
            return ("pushforward", "pullback")
        return ("pullback",) if partition == "rows" else ("pushforward",)

    def prepare(
        self, operator: str, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> Callable[..., tuple[Any, ...]] | None:
        if operator in _SPARSE:
            return self._run(cast(Literal["jacobian", "hessian"], operator), f, xs, contexts)
        return engine_run(self.engine, operator, f, xs, contexts)

    # ---- the engine's own

    def value_and_pushforward(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "pushforward")(f, xs, tangents, contexts))

    def value_and_pullback(
        self, f: FlatFunction, xs: Leaves, cotangents: Cotangents, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "pullback")(f, xs, cotangents, contexts))

    def value_and_derivative(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "derivative")(f, xs, contexts))

    def value_and_gradient(self, f: FlatFunction, xs: Leaves, contexts: Leaves) -> tuple[Any, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "gradient")(f, xs, contexts))

    def value_derivative_and_second_derivative(
        self, f: FlatFunction, xs: Leaves, contexts: Leaves
    ) -> tuple[Leaves, Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "second_derivative")(f, xs, contexts))

    def value_gradient_and_hvp(
        self, f: FlatFunction, xs: Leaves, tangents: Leaves, contexts: Leaves
    ) -> tuple[Any, Leaves, Leaves, Any]:
        return cast(Any, engine_method(self.engine, "hvp")(f, xs, tangents, contexts))

    def error_estimate(self, operator: str, f: FlatFunction, xs: Leaves, seeds: Leaves | None, contexts: Leaves) -> Any:
        return self.engine.error_estimate(operator, f, xs, seeds, contexts)

    def unprepared(self) -> Backend:
        return self.engine.unprepared()


def _plain_sparse(engine: Backend) -> Sparse:
    """Return the backend without options, with which a repr compares."""
    return Sparse(engine)
