"""The narrow waist: a closed set of array primitives, and what an engine must offer to supply them."""

from diffiface.primitives import fourier as fourier  # enters its primitives in the table, as do the others
from diffiface.primitives import linear_algebra as linear_algebra
from diffiface.primitives import special as special
from diffiface.primitives.custom_call import CustomCall as CustomCall
from diffiface.primitives.definitions import PRIMITIVES as PRIMITIVES
from diffiface.primitives.definitions import Primitive as Primitive
from diffiface.primitives.definitions import Sample as Sample
from diffiface.primitives.interface import Primitives as Primitives
from diffiface.primitives.numpy_arrays import NUMPY as NUMPY
