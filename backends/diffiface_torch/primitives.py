"""The primitives in PyTorch, with NumPy's promotion of dtypes and NumPy's meaning of every index."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from diffiface.adapter import CustomCall, Leaves, Primitives
from diffiface_torch import custom_calls
from diffiface_torch.arrays import NUMPY_DTYPE, array_of, is_wrapped, shared_tensor_of, tensor_of, torch_dtype
from diffiface_torch.fourier import Fourier
from diffiface_torch.linear_algebra import LinearAlgebra
from diffiface_torch.special import GammaDerivative, SpecialFunctions, ndtr

_PYTHON_NUMBERS = (float, int, complex)
_INEXACT = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})
_BOOL = np.dtype(bool)
_REAL = frozenset({torch.float32, torch.float64})
_EXACT = 2**53  # integers up to here are numbers of float64 too


@functools.cache
def _loop_dtypes(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[np.dtype, ...]:
    return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))


def _dtype(value: Any) -> np.dtype:
    if isinstance(value, torch.Tensor):
        return NUMPY_DTYPE[value.dtype]
    return value.dtype if isinstance(value, (np.ndarray, np.generic)) else np.asarray(value).dtype


def _kind(value: Any) -> Any:
    """What NumPy's promotion looks at: a dtype, or the type of a Python number, which yields to any dtype."""
    return type(value) if type(value) in _PYTHON_NUMBERS else _dtype(value)


def _unary(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """Wrap a PyTorch function so that it computes in the dtypes the NumPy ufunc would use."""

    def primitive(self: TorchPrimitives, x: Any) -> Any:
        if type(x) is torch.Tensor and x.dtype in _REAL:
            return function(x)
        dtype, output = _loop_dtypes(ufunc, (_kind(x),))
        return self._cast(function(self._cast(x, dtype)), output)

    return primitive


def _binary(function: Callable[..., Any], ufunc: np.ufunc, takes_numbers: bool = False) -> Callable[..., Any]:
    """As `_unary`, for two operands; `takes_numbers` says that Python floats need not become tensors."""

    def primitive(self: TorchPrimitives, x: Any, y: Any) -> Any:
        # First what is frequent and needs no promotion.
        if type(x) is torch.Tensor and x.dtype in _INEXACT:
            if type(y) is torch.Tensor:
                if y.dtype is x.dtype:
                    return function(x, y)
            else:
                other = self._beside(x, y, takes_numbers)
                if other is not None:
                    return function(x, other)
        elif type(y) is torch.Tensor and y.dtype in _INEXACT:
            other = self._beside(y, x, takes_numbers)
            if other is not None:
                return function(other, y)
        first, second, output = _loop_dtypes(ufunc, (_kind(x), _kind(y)))
        return self._cast(function(self._cast(x, first), self._cast(y, second)), output)

    return primitive


def _without_derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without its (zero) derivative, so that the result counts as a plain number."""
    return lambda *operands: function(*(o.detach() if isinstance(o, torch.Tensor) else o for o in operands))


def _extreme(
    reduce: Callable[..., Any], worst: float, x: torch.Tensor, axis: tuple[int, ...], keepdims: bool
) -> torch.Tensor:
    """Return the largest or smallest elements; complex numbers are ordered by real part, then by imaginary part."""
    if not axis:
        return x
    if not x.is_complex():
        return reduce(x, dim=axis, keepdim=keepdims)
    with torch.no_grad():
        found = x.real == reduce(x.real, dim=axis, keepdim=True)
        found &= x.imag == reduce(torch.where(found, x.imag, worst), dim=axis, keepdim=True)
    # Equal ones share the derivative, as they do in PyTorch's amax.
    total = torch.sum(torch.where(found, x, 0), dim=axis, keepdim=keepdims)
    return total / torch.sum(found, dim=axis, keepdim=keepdims)


def _cbrt(x: torch.Tensor) -> torch.Tensor:
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


def _is_basic(parts: tuple[Any, ...]) -> bool:
    """Whether an index is made of integers and forward slices only, which PyTorch reads as NumPy does."""
    return all(
        part is None
        or part is Ellipsis
        or type(part) is int
        or isinstance(part, np.integer)
        or (isinstance(part, slice) and (part.step is None or part.step > 0))
        for part in parts
    )


def _is_array_only(parts: tuple[Any, ...]) -> bool:
    """Whether an index is made of arrays (with axes) only: beside integers PyTorch orders the axes otherwise."""
    return all(isinstance(part, np.ndarray) and part.ndim > 0 for part in parts)


def _positions(shape: tuple[int, ...], index: Any) -> np.ndarray:
    """Return the places in the flattened array that an index names, as NumPy understands it."""
    return np.arange(math.prod(shape)).reshape(shape)[index]


class TorchPrimitives(LinearAlgebra, Fourier, SpecialFunctions, Primitives):
    """Tensors as the dress sees them."""

    engine = "torch"
    traced_type = torch.Tensor

    def __init__(self, outer: Primitives, device: torch.device, contexts: Leaves = (), in_graph: bool = False):
        """Trace inside `outer`; `in_graph` says that x belongs to a graph of the user's own."""
        self.accepts = (outer, *outer.accepts) if isinstance(outer, TorchPrimitives) else ()
        self.device = device
        self._contexts = contexts
        self._in_graph = in_graph or bool(self.accepts)

    # ---- functions with derivative rules of their own

    def custom_call(self, call: CustomCall, operands: Sequence[Any]) -> tuple[Any, ...]:
        return custom_calls.custom_call(self, call, operands)

    # ---- questions about a value

    def dtype(self, value: Any) -> np.dtype:
        return _dtype(value)

    def shape(self, value: Any) -> tuple[int, ...]:
        return tuple(value.shape) if isinstance(value, torch.Tensor) else np.shape(value)

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

    # ---- conversion

    def _cast(self, value: Any, dtype: np.dtype) -> torch.Tensor:
        """Return a tensor of this dtype."""
        if isinstance(value, torch.Tensor):
            return value if NUMPY_DTYPE[value.dtype] == dtype else value.to(torch_dtype(dtype))
        array = np.asarray(value)
        return self._constant(array if array.dtype == dtype else array.astype(dtype))

    def _constant(self, array: np.ndarray) -> torch.Tensor:
        """Return a tensor of an array: a copy, since the graph reads it after f may have changed it."""
        for context in self._contexts:
            if array is context:
                return shared_tensor_of(array, self.device)
        return tensor_of(array, self.device)

    def _beside(self, tensor: torch.Tensor, value: Any, takes_numbers: bool) -> Any:
        """Return an operand that meets a tensor of floats without promotion, else None."""
        kind = type(value)
        if kind is np.ndarray:
            return self._constant(value) if value.dtype == NUMPY_DTYPE[tensor.dtype] else None
        if takes_numbers and (kind is float or (kind is int and -_EXACT <= value <= _EXACT)):
            return value
        return None

    def _tensor(self, value: Any) -> torch.Tensor:
        return value if isinstance(value, torch.Tensor) else self._cast(value, _dtype(value))

    def _promoted(self, values: Any) -> list[torch.Tensor]:
        dtype = np.result_type(*(v if type(v) in _PYTHON_NUMBERS else _dtype(v) for v in values))
        return [self._cast(value, dtype) for value in values]

    # ---- elementwise

    negative = _unary(torch.neg, np.negative)
    absolute = _unary(torch.abs, np.absolute)
    square = _unary(torch.square, np.square)
    sqrt = _unary(torch.sqrt, np.sqrt)
    cbrt = _unary(_cbrt, np.cbrt)
    reciprocal = _unary(torch.reciprocal, np.reciprocal)
    exp = _unary(torch.exp, np.exp)
    exp2 = _unary(torch.exp2, np.exp2)
    expm1 = _unary(torch.expm1, np.expm1)
    log = _unary(torch.log, np.log)
    log2 = _unary(torch.log2, np.log2)
    log10 = _unary(torch.log10, np.log10)
    log1p = _unary(torch.log1p, np.log1p)
    sin = _unary(torch.sin, np.sin)
    cos = _unary(torch.cos, np.cos)
    tan = _unary(torch.tan, np.tan)
    arcsin = _unary(torch.asin, np.arcsin)
    arccos = _unary(torch.acos, np.arccos)
    arctan = _unary(torch.atan, np.arctan)
    sinh = _unary(torch.sinh, np.sinh)
    cosh = _unary(torch.cosh, np.cosh)
    tanh = _unary(torch.tanh, np.tanh)
    arcsinh = _unary(torch.asinh, np.arcsinh)
    arccosh = _unary(torch.acosh, np.arccosh)
    arctanh = _unary(torch.atanh, np.arctanh)
    conjugate = _unary(lambda x: torch.conj(x).resolve_conj(), np.conjugate)
    sign = _unary(_without_derivative(torch.sgn), np.sign)
    floor = _unary(_without_derivative(torch.floor), np.floor)
    ceil = _unary(_without_derivative(torch.ceil), np.ceil)
    trunc = _unary(_without_derivative(torch.trunc), np.trunc)
    rint = _unary(_without_derivative(torch.round), np.rint)
    isnan = _unary(torch.isnan, np.isnan)
    isinf = _unary(torch.isinf, np.isinf)
    isfinite = _unary(torch.isfinite, np.isfinite)
    logical_not = _unary(torch.logical_not, np.logical_not)
    invert = _unary(torch.bitwise_not, np.invert)

    add = _binary(operator.add, np.add, takes_numbers=True)
    subtract = _binary(operator.sub, np.subtract, takes_numbers=True)
    multiply = _binary(operator.mul, np.multiply, takes_numbers=True)
    divide = _binary(operator.truediv, np.divide, takes_numbers=True)
    maximum = _binary(torch.maximum, np.maximum)
    minimum = _binary(torch.minimum, np.minimum)
    arctan2 = _binary(torch.atan2, np.arctan2)
    hypot = _binary(torch.hypot, np.hypot)
    logaddexp = _binary(torch.logaddexp, np.logaddexp)
    remainder = _binary(torch.remainder, np.remainder)
    floor_divide = _binary(_without_derivative(torch.floor_divide), np.floor_divide)
    equal = _binary(operator.eq, np.equal, takes_numbers=True)
    not_equal = _binary(operator.ne, np.not_equal, takes_numbers=True)
    less = _binary(operator.lt, np.less, takes_numbers=True)
    less_equal = _binary(operator.le, np.less_equal, takes_numbers=True)
    greater = _binary(operator.gt, np.greater, takes_numbers=True)
    greater_equal = _binary(operator.ge, np.greater_equal, takes_numbers=True)
    logical_and = _binary(torch.logical_and, np.logical_and)
    logical_or = _binary(torch.logical_or, np.logical_or)
    logical_xor = _binary(torch.logical_xor, np.logical_xor)
    bitwise_and = _binary(torch.bitwise_and, np.bitwise_and)
    bitwise_or = _binary(torch.bitwise_or, np.bitwise_or)
    bitwise_xor = _binary(torch.bitwise_xor, np.bitwise_xor)

    _float_power = _binary(operator.pow, np.power, takes_numbers=True)

    def power(self, x: Any, y: Any) -> Any:
        # A number as exponent spares the logarithm, and 0 ** 2 its infinite derivative.
        if isinstance(x, torch.Tensor) and x.dtype in _INEXACT and type(y) is int:
            return x**y
        return self._float_power(x, y)

    # ---- special functions (promoted as exp and hypot are)

    erf = _unary(torch.special.erf, np.exp)
    erfc = _unary(torch.special.erfc, np.exp)
    expit = _unary(torch.special.expit, np.exp)
    log_expit = _unary(torch.nn.functional.logsigmoid, np.exp)
    gammaln = _unary(lambda x: GammaDerivative.apply(x, 0), np.exp)
    digamma = _unary(lambda x: GammaDerivative.apply(x, 1), np.exp)
    ndtr = _unary(ndtr, np.exp)
    log_ndtr = _unary(torch.special.log_ndtr, np.exp)
    xlogy = _binary(torch.special.xlogy, np.hypot)

    def polygamma(self, x: Any, *, order: int) -> Any:
        return GammaDerivative.apply(self._cast(x, _loop_dtypes(np.exp, (_kind(x),))[0]), order + 1)

    # ---- selection and conversion

    def real(self, x: Any) -> Any:
        return torch.real(self._tensor(x))

    def imag(self, x: Any) -> Any:
        x = self._tensor(x)
        return torch.imag(x) if x.is_complex() else torch.zeros_like(x, requires_grad=False)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        condition = self._cast(condition, _BOOL)
        if type(x) is torch.Tensor and x.dtype in _INEXACT:
            if type(y) is float or (type(y) is torch.Tensor and y.dtype is x.dtype):
                return torch.where(condition, x, y)
        elif type(x) is float and type(y) is torch.Tensor and y.dtype in _INEXACT:
            return torch.where(condition, x, y)
        return torch.where(condition, *self._promoted((x, y)))

    def astype(self, x: Any, *, dtype: np.dtype) -> Any:
        dtype = np.dtype(dtype)
        x = self._tensor(x)
        return self._cast(torch.real(x) if x.is_complex() and dtype.kind != "c" else x, dtype)

    # ---- reductions (PyTorch takes an empty tuple of axes for all of them, NumPy for none)

    def sum(self, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        if not (isinstance(x, torch.Tensor) and x.dtype in _INEXACT):
            x = self._cast(x, np.empty(0, _dtype(x)).sum().dtype)  # small integers add up in 64 bits
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
        return torch.prod(self._cast(x, np.empty(0, _dtype(x)).prod().dtype), dim=axis, keepdim=keepdims)

    def cumsum(self, x: Any, *, axis: int) -> Any:
        return torch.cumsum(self._cast(x, np.empty(0, _dtype(x)).cumsum().dtype), dim=axis)

    def cumprod(self, x: Any, *, axis: int) -> Any:
        return torch.cumprod(self._cast(x, np.empty(0, _dtype(x)).cumprod().dtype), dim=axis)

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

    # ---- indexing

    def _parts(self, index: Any) -> tuple[Any, ...]:
        parts = index if isinstance(index, tuple) else (index,)
        return tuple(
            array_of(p) if isinstance(p, torch.Tensor) else np.asarray(p) if isinstance(p, list) else p for p in parts
        )

    def getitem(self, x: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        if type(index) is int:
            return x[index]
        parts = self._parts(index)
        if _is_basic(parts):
            return x[parts]
        if _is_array_only(parts):
            return x[tuple(tensor_of(part, x.device) for part in parts)]
        positions = _positions(tuple(x.shape), parts)
        return x.reshape(-1)[tensor_of(np.asarray(positions), x.device)]

    def setitem(self, x: Any, value: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        positions = np.asarray(_positions(tuple(x.shape), self._parts(index)))
        values = self._written(x, value, positions.shape)
        # Of several writes to one place the last one counts, and only it has a derivative.
        flat = positions.reshape(-1)
        last = flat.size - 1 - np.unique(flat[::-1], return_index=True)[1]
        if last.size < flat.size:
            flat, values = flat[last], values[tensor_of(last, x.device)]
        return x.reshape(-1).index_put((tensor_of(flat, x.device),), values).reshape(x.shape)

    def add_at(self, x: Any, value: Any, *, index: Any) -> Any:
        x = self._tensor(x)
        positions = np.asarray(_positions(tuple(x.shape), self._parts(index)))
        values = self._written(x, value, positions.shape)
        flat = tensor_of(positions.reshape(-1), x.device)
        return x.reshape(-1).index_put((flat,), values, accumulate=True).reshape(x.shape)

    def _written(self, x: torch.Tensor, value: Any, shape: tuple[int, ...]) -> torch.Tensor:
        """Return the values written to places of this shape, one after another."""
        value = self.astype(value, dtype=_dtype(x))
        while value.ndim > len(shape) and value.shape[0] == 1:
            value = value[0]
        return torch.broadcast_to(value, shape).reshape(-1)

    # ---- contraction

    matmul = _binary(torch.matmul, np.matmul)

    def einsum(self, arrays: list[Any], *, subscripts: str) -> Any:
        return torch.einsum(subscripts, *self._promoted(arrays))
