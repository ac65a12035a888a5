"""NumPy and SciPy as people write it: about 420 functions of one array, by kind, which every engine should follow."""

from __future__ import annotations

from .control_flow import CASES as CONTROL_FLOW
from .creation import CASES as CREATION
from .elementwise import METHODS as UFUNC_METHODS
from .elementwise import ONE_ARGUMENT, TWO_ARGUMENTS
from .indexing import CASES as INDEXING
from .inputs import ELSEWHERE, Case, V
from .linear_algebra import CASES as LINEAR_ALGEBRA
from .methods import CASES as METHODS
from .reductions import CASES as REDUCTIONS
from .shapes import CASES as SHAPES
from .special_functions import CASES as SPECIAL_FUNCTIONS
from .statistics import CASES as STATISTICS
from .writing import CASES as WRITING

GROUPS: dict[str, dict[str, Case]] = {
    "ufuncs of one argument": ONE_ARGUMENT,
    "ufuncs of two arguments": TWO_ARGUMENTS,
    "methods of ufuncs": UFUNC_METHODS,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "indexing": INDEXING,
    "linear algebra": LINEAR_ALGEBRA,
    "creation": CREATION,
    "methods of arrays": METHODS,
    "scipy.special": SPECIAL_FUNCTIONS,
    "scipy.stats": STATISTICS,
    "writing": WRITING,
    "control flow": CONTROL_FLOW,
}

__all__ = ["GROUPS", "Case", "V", "ELSEWHERE"]
