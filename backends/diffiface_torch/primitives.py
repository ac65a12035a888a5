"""The primitives in PyTorch: mostly a function of its own, wrapped in NumPy's promotion of dtypes."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from diffiface.adapter import CustomCall, Leaves, Primitives
from diffiface_torch import custom_calls
from diffiface_torch.arrays import array_of, is_wrapped
from diffiface_torch.fourier import Fourier
from diffiface_torch.indexing import Indexing
from diffiface_torch.linear_algebra import LinearAlgebra
from diffiface_torch.promotion import INEXACT, REAL, Promotion, binary, dtype_of, kind_of, loop_dtypes, unary
from diffiface_torch.special import GammaDerivative, SpecialFunctions, ndtr

_BOOL = np.dtype(bool)


def _without_derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without its (zero) derivative, so that the result counts as a plain number."""
    return lambda *operands: function(*(o.detach() if isinstance(o, torch.Tensor) else o for o in operands))


def _extreme(
    reduce: Callable[..., Any], worst: float, x: torch.Tensor, axis: tuple[int, ...], keepdims: bool
) -> torch.Tensor:
    """Return the largest or smallest elements; complex numbers are ordered by real part, then by imaginary part."""
    if not axis:
        return x
    if x.dtype in REAL or not x.is_complex():
        return reduce(x, dim=axis, keepdim=keepdims)
    with torch.no_grad():
        found = x.real == reduce(x.real, dim=axis, keepdim=True)
        found &= x.imag == reduce(torch.where(found, x.imag, worst), dim=axis, keepdim=True)
    # Equal ones share the derivative, as they do in PyTorch's amax.
    total = torch.sum(torch.where(found, x, 0), dim=axis, keepdim=keepdims)
    return total / torch.sum(found, dim=axis, keepdim=keepdims)


def _cbrt(x: torch.Tensor) -> torch.Tensor:
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


def _mean(
    p: TorchPrimitives, a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """NumPy's mean where PyTorch's is the same: of floats, all of them or along one axis."""
    if not isinstance(a, torch.Tensor) or a.dtype not in INEXACT or dtype is not None or where is not True:
        return NotImplemented
    if axis is None and not keepdims:
        return torch.mean(a)
    if type(axis) is int and -a.ndim <= axis < a.ndim:
        return torch.mean(a, dim=axis, keepdim=bool(keepdims))
    return NotImplemented


class TorchPrimitives(Promotion, Indexing, LinearAlgebra, Fourier, SpecialFunctions, Primitives):
    """Tensors as the dress sees them."""

    engine = "torch"
    traced_type = torch.Tensor
    inexact_dtypes = INEXACT
    quick_attributes = True
    composites: ClassVar[dict[str, Callable[..., Any]]] = {"numpy.mean": _mean}

    def __init__(self, outer: Primitives, device: torch.device, contexts: Leaves = (), in_graph: bool = False):
        """Trace inside `outer`; `in_graph` says that x belongs to a graph of the user's own."""
        super().__init__(device, contexts)
        self.accepts = (outer, *outer.accepts) if isinstance(outer, TorchPrimitives) else ()
        self._in_graph = in_graph or bool(self.accepts)

    # ---- functions with derivative rules of their own

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.custom_call(self, call, operands)

    # ---- questions about a value

    def shape(self, value: Any) -> tuple[int, ...]:
        return tuple(value.shape) if isinstance(value, torch.Tensor) else np.shape(value)

    def rank(self, value: Any) -> int:
        return value.ndim if isinstance(value, torch.Tensor) else np.ndim(value)

    def concrete(self, value: Any) -> np.ndarray | None:
        if isinstance(value, torch.Tensor):
            return None if value.requires_grad or is_wrapped(value) else array_of(value)
        return super().concrete(value)

    def primal(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return None if is_wrapped(value) else array_of(value)
        return super().concrete(value)

    def lower(self, value: Any) -> Any:
        # A value of the outer graph stays in it; the inner derivative never looks past its own leaves.
        return value.detach() if isinstance(value, torch.Tensor) and not self._in_graph else value

    # ---- elementwise

    negative = unary(torch.neg, np.negative)
    absolute = unary(torch.abs, np.absolute)
    square = unary(torch.square, np.square)
    sqrt = unary(torch.sqrt, np.sqrt)
    cbrt = unary(_cbrt, np.cbrt)
    reciprocal = unary(torch.reciprocal, np.reciprocal)
    exp = unary(torch.exp, np.exp)
    exp2 = unary(torch.exp2, np.exp2)
    expm1 = unary(torch.expm1, np.expm1)
    log = unary(torch.log, np.log)
    log2 = unary(torch.log2, np.log2)
    log10 = unary(torch.log10, np.log10)
    log1p = unary(torch.log1p, np.log1p)
    sin = unary(torch.sin, np.sin)
    cos = unary(torch.cos, np.cos)
    tan = unary(torch.tan, np.tan)
    arcsin = unary(torch.asin, np.arcsin)
    arccos = unary(torch.acos, np.arccos)
    arctan = unary(torch.atan, np.arctan)
    sinh = unary(torch.sinh, np.sinh)
    cosh = unary(torch.cosh, np.cosh)
    tanh = unary(torch.tanh, np.tanh)
    arcsinh = unary(torch.asinh, np.arcsinh)
    arccosh = unary(torch.acosh, np.arccosh)
    arctanh = unary(torch.atanh, np.arctanh)
    conjugate = unary(lambda x: torch.conj(x).resolve_conj(), np.conjugate)
    sign = unary(_without_derivative(torch.sgn), np.sign)
    floor = unary(_without_derivative(torch.floor), np.floor)
    ceil = unary(_without_derivative(torch.ceil), np.ceil)
    trunc = unary(_without_derivative(torch.trunc), np.trunc)
    rint = unary(_without_derivative(torch.round), np.rint)
    isnan = unary(torch.isnan, np.isnan)
    isinf = unary(torch.isinf, np.isinf)
    isfinite = unary(torch.isfinite, np.isfinite)
    logical_not = unary(torch.logical_not, np.logical_not)
    invert = unary(torch.bitwise_not, np.invert)

    add = binary(operator.add, np.add, takes_numbers=True)
    subtract = binary(operator.sub, np.subtract, takes_numbers=True)
    multiply = binary(operator.mul, np.multiply, takes_numbers=True)
    divide = binary(operator.truediv, np.divide, takes_numbers=True)
    maximum = binary(torch.maximum, np.maximum)
    minimum = binary(torch.minimum, np.minimum)
    arctan2 = binary(torch.atan2, np.arctan2)
    hypot = binary(torch.hypot, np.hypot)
    logaddexp = binary(torch.logaddexp, np.logaddexp)
    remainder = binary(torch.remainder, np.remainder)
    floor_divide = binary(_without_derivative(torch.floor_divide), np.floor_divide)
    equal = binary(operator.eq, np.equal, takes_numbers=True)
    not_equal = binary(operator.ne, np.not_equal, takes_numbers=True)
    less = binary(operator.lt, np.less, takes_numbers=True)
    less_equal = binary(operator.le, np.less_equal, takes_numbers=True)
    greater = binary(operator.gt, np.greater, takes_numbers=True)
    greater_equal = binary(operator.ge, np.greater_equal, takes_numbers=True)
    logical_and = binary(torch.logical_and, np.logical_and)
    logical_or = binary(torch.logical_or, np.logical_or)
    logical_xor = binary(torch.logical_xor, np.logical_xor)
    bitwise_and = binary(torch.bitwise_and, np.bitwise_and)
    bitwise_or = binary(torch.bitwise_or, np.bitwise_or)
    bitwise_xor = binary(torch.bitwise_xor, np.bitwise_xor)

    _float_power = binary(operator.pow, np.power, takes_numbers=True)

    def power(self, x: Any, y: Any) -> Any:
        # A number as exponent spares the logarithm, and 0 ** 2 its infinite derivative.
        if isinstance(x, torch.Tensor) and x.dtype in INEXACT and type(y) is int:
            return x**y
        return self._float_power(x, y)

    # ---- special functions (promoted as exp and hypot are)

    erf = unary(torch.special.erf, np.exp)
    erfc = unary(torch.special.erfc, np.exp)
    expit = unary(torch.special.expit, np.exp)
    log_expit = unary(torch.nn.functional.logsigmoid, np.exp)
    gammaln = unary(lambda x: GammaDerivative.apply(x, 0), np.exp)
    digamma = unary(lambda x: GammaDerivative.apply(x, 1), np.exp)
    ndtr = unary(ndtr, np.exp)
    log_ndtr = unary(torch.special.log_ndtr, np.exp)
    xlogy = binary(torch.special.xlogy, np.hypot)

    def polygamma(self, x: Any, *, order: int) -> Any:
        return GammaDerivative.apply(self._cast(x, loop_dtypes(np.exp, (kind_of(x),))[0]), order + 1)

    # ---- selection and conversion

    def real(self, x: Any) -> Any:
        return torch.real(self._tensor(x))

    def imag(self, x: Any) -> Any:
        x = self._tensor(x)
        return torch.imag(x) if x.is_complex() else torch.zeros_like(x, requires_grad=False)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if type(condition) is np.ndarray and condition.dtype is _BOOL:
            condition = self._constant(condition)
        else:
            condition = self._cast(condition, _BOOL)
        if type(x) is torch.Tensor and x.dtype in INEXACT:
            if type(y) is float or (type(y) is torch.Tensor and y.dtype is x.dtype):
                return torch.where(condition, x, y)
        elif type(x) is float and type(y) is torch.Tensor and y.dtype in INEXACT:
            return torch.where(condition, x, y)
        return torch.where(condition, *self._promoted((x, y)))

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        dtype = np.dtype(dtype)
        x = self._tensor(x)
        return self._cast(torch.real(x) if x.is_complex() and dtype.kind != "c" else x, dtype)

    # ---- reductions (PyTorch takes an empty tuple of axes for all of them, NumPy for none)

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        if not (isinstance(x, torch.Tensor) and x.dtype in INEXACT):
            x = self._cast(x, np.empty(0, dtype_of(x)).sum().dtype)  # small integers add up in 64 bits
        return torch.sum(x, dim=axis, keepdim=keepdims) if axis else x

    def max(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return _extreme(torch.amax, -math.inf, self._tensor(x), axis, keepdims)

    def min(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return _extreme(torch.amin, math.inf, self._tensor(x), axis, keepdims)

    def any(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        x = self._cast(x, _BOOL)
        return torch.any(x, dim=axis, keepdim=keepdims) if axis else x

    def all(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        x = self._cast(x, _BOOL)
        return torch.all(x, dim=axis, keepdim=keepdims) if axis else x

    def prod(self, x: Any, *, axis: int, keepdims: bool) -> Any:
        return torch.prod(self._cast(x, np.empty(0, dtype_of(x)).prod().dtype), dim=axis, keepdim=keepdims)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return torch.cumsum(self._cast(x, np.empty(0, dtype_of(x)).cumsum().dtype), dim=axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return torch.cumprod(self._cast(x, np.empty(0, dtype_of(x)).cumprod().dtype), dim=axis)

    def argmax(self, x: Any, *, axis: int) -> Any:
        return torch.argmax(self._ordered(x), dim=axis)

    def argmin(self, x: Any, *, axis: int) -> Any:
        return torch.argmin(self._ordered(x), dim=axis)

    def argsort(self, x: Any, *, axis: int) -> Any:
        return torch.argsort(self._ordered(x), dim=axis, stable=True)

    def _ordered(self, x: Any) -> torch.Tensor:
        x = self._tensor(x).detach()
        return x.to(torch.uint8) if x.dtype is torch.bool else x

    def searchsorted(self, a: Any, v: Any, *, side: str) -> Any:
        a, v = (tensor.detach().contiguous() for tensor in self._promoted((a, v)))
        return torch.searchsorted(a, v, right=side == "right")

    # ---- shape

    def reshape(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return torch.reshape(self._tensor(x), shape)

    def transpose(self, x: Any, *, axes: tuple[int, ...]) -> Any:
        return torch.permute(self._tensor(x), axes)

    def broadcast_to(self, x: Any, *, shape: tuple[int, ...]) -> Any:
        return torch.broadcast_to(self._tensor(x), shape)

    def concatenate(self, arrays: list[Any], *, axis: int) -> Any:
        return torch.cat(self._promoted(arrays), dim=axis)

    def stack(self, arrays: list[Any], *, axis: int) -> Any:
        return torch.stack(self._promoted(arrays), dim=axis)

    # ---- contraction

    matmul = binary(torch.matmul, np.matmul)

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        return torch.einsum(subscripts, *self._promoted(arrays))
