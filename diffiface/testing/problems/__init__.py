"""Classic problems in plain NumPy, with derivatives derived by hand or minima from the literature."""

from diffiface.testing.problems.collection import PROBLEMS as PROBLEMS
from diffiface.testing.problems.collection import find_problem as find_problem
from diffiface.testing.problems.more_garbow_hillstrom import MORE_GARBOW_HILLSTROM as MORE_GARBOW_HILLSTROM
from diffiface.testing.problems.more_garbow_hillstrom import LeastSquaresProblem as LeastSquaresProblem
from diffiface.testing.problems.problem import Instance as Instance
from diffiface.testing.problems.problem import Problem as Problem
