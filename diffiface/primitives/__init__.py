"""The narrow waist: a closed set of array primitives, and what an engine must offer to supply them."""

from diffiface.primitives.definitions import PRIMITIVES as PRIMITIVES
from diffiface.primitives.definitions import Primitive as Primitive
from diffiface.primitives.definitions import Sample as Sample
from diffiface.primitives.interface import Primitives as Primitives
from diffiface.primitives.numpy_arrays import NUMPY as NUMPY
