"""The dress: NumPy's API expressed in primitives, once for all engines.

A plain NumPy function receives `Array` and `Scalar` in the place of its arrays. They answer NumPy's protocols
(`__array_ufunc__`, `__array_function__`), operators, methods, indexing and assignment, and translate each call to
the primitives of the engine's trace.

    array        the two classes; dressed: what they share
    conversion   from dressed values to raw ones
    views        views as lenses on the array they look at; memory_order: is a reshape a view or a copy?
    pending      writes of single entries that wait for the next look at the whole array
    subscripts   what stands between brackets
    operators    + - * / @ ** < ==
    dispatch     NumPy's protocols; out=, where=, dtype=
    methods      x.sum(), x.reshape(), ...
    table        the table of translated functions, and the decorators that enter them
    functions/   the translations, by kind
"""

from diffiface.numpy_api.array import Array as Array
from diffiface.numpy_api.array import Scalar as Scalar
from diffiface.numpy_api.array import argument as argument
from diffiface.numpy_api.array import dress as dress
from diffiface.numpy_api.conversion import trace_of as trace_of
from diffiface.numpy_api.conversion import undress as undress
from diffiface.numpy_api.dressed import Dressed as Dressed

from diffiface.numpy_api import operators as operators  # isort: skip
from diffiface.numpy_api import functions as functions  # isort: skip
from diffiface.numpy_api import methods as methods  # isort: skip
from diffiface.numpy_api.table import FUNCTIONS as FUNCTIONS
from diffiface.numpy_api.table import UFUNCS as UFUNCS
