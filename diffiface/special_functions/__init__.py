"""The special functions: one table of values (SciPy's) and partial derivatives, by kind. Loads no SciPy by itself."""

from diffiface.special_functions import (
    bessel as bessel,
)
from diffiface.special_functions import (
    distributions as distributions,
)
from diffiface.special_functions import (
    elementary as elementary,
)
from diffiface.special_functions import (
    elliptic as elliptic,
)
from diffiface.special_functions import (
    error_functions as error_functions,
)
from diffiface.special_functions import (
    gamma as gamma,
)
from diffiface.special_functions import (
    hypergeometric as hypergeometric,
)
from diffiface.special_functions import (
    polynomials as polynomials,
)
from diffiface.special_functions.formulas import SPECIAL_FORMULAS as SPECIAL_FORMULAS
from diffiface.special_functions.table import SPECIAL_FUNCTIONS as SPECIAL_FUNCTIONS
from diffiface.special_functions.table import SpecialFunction as SpecialFunction
