"""The 35 least-squares problems of Moré, Garbow and Hillstrom, with their starting points and minima.

Source: J. J. Moré, B. S. Garbow and K. E. Hillstrom, Testing unconstrained optimization software, ACM
Transactions on Mathematical Software 7 (1981) 17-41.
"""

from diffiface.testing.problems.more_garbow_hillstrom.few_variables import PROBLEMS as _FEW
from diffiface.testing.problems.more_garbow_hillstrom.many_variables import PROBLEMS as _MANY
from diffiface.testing.problems.more_garbow_hillstrom.problem import LeastSquaresProblem as LeastSquaresProblem
from diffiface.testing.problems.more_garbow_hillstrom.problem import SumOfSquares as SumOfSquares

MORE_GARBOW_HILLSTROM: tuple[LeastSquaresProblem, ...] = (*_FEW, *_MANY)
"""In the order of the paper: number k is at index k - 1."""
