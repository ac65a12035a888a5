"""Rebinding: f runs with replacements for the library functions that do not dispatch on traced values.

While an engine traces f, f is a copy of the user's function: the same code, but the names in its globals and closure
that lead to `np.zeros`, `math.exp`, `float`, `scipy.*` lead to replacements, and those that lead to the user's other
functions, classes and objects lead to copies of these. Nothing of the user's or of a library is changed, so other code
and other threads notice nothing, and code that is not reached meets the originals, which refuse traced values loudly.

    substitutes    the registry of replacements, and how to add to it
    rebinding      one function, rebound for as long as an engine uses it
    rebound        any value: the way in for all kinds
    namespaces     global names: the module's own, live, but for those replaced
    functions      functions, partials, methods, caches
    objects        classes and their instances
    containers     tuples, lists, dicts
    modules        numpy, scipy, math; the user's modules
    libraries      which code is the user's
    arrays         np.zeros, np.array and the like
    plain_numbers  float, complex, np.float64, type
    mathematics    math, cmath
    live_arrays    arrays that f finds outside, as traced values, for engines that record f
"""

from diffiface.rebinding.arrays import plain_constants as plain_constants
from diffiface.rebinding.functions import original_of as original_of
from diffiface.rebinding.live_arrays import can_read_live as can_read_live
from diffiface.rebinding.live_arrays import names_in as names_in
from diffiface.rebinding.live_arrays import reaches_around as reaches_around
from diffiface.rebinding.live_arrays import reading_live as reading_live
from diffiface.rebinding.objects import users_own as users_own
from diffiface.rebinding.rebinding import Rebinding as Rebinding
from diffiface.rebinding.rebound import PLAIN as PLAIN
from diffiface.rebinding.rebound import rebound as rebound
from diffiface.rebinding.substitutes import find_dressed as find_dressed
from diffiface.rebinding.substitutes import substitute as substitute
from diffiface.rebinding.substitutes import substitute_instances as substitute_instances
