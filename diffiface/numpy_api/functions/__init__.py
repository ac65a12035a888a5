"""The translations, by kind. Importing this package enters them in the table (scipy.special's when first met)."""

from diffiface.numpy_api.functions import arithmetic as arithmetic
from diffiface.numpy_api.functions import contraction as contraction
from diffiface.numpy_api.functions import creation as creation
from diffiface.numpy_api.functions import einsum as einsum
from diffiface.numpy_api.functions import indexing as indexing
from diffiface.numpy_api.functions import joining as joining
from diffiface.numpy_api.functions import linear_algebra as linear_algebra
from diffiface.numpy_api.functions import queries as queries
from diffiface.numpy_api.functions import reductions as reductions
from diffiface.numpy_api.functions import shape as shape
from diffiface.numpy_api.functions import signals as signals
from diffiface.numpy_api.functions import sorting as sorting
from diffiface.numpy_api.functions import statistics as statistics
from diffiface.numpy_api.functions import writing as writing
