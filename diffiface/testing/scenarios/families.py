"""Arrays of other libraries in, arrays of the same library out."""

from __future__ import annotations

import numpy as np

from diffiface import registry
from diffiface.errors import InputError
from diffiface.testing.scenario import Scenario
from diffiface.testing.scenarios import modifiers
from diffiface.testing.scenarios.basic import FUNCTIONS
from diffiface.testing.scenarios.special import complex_scenarios


def family_scenarios(family: str) -> list[Scenario]:
    """Return scenarios whose x, tangents and cotangents are arrays of another library, and so must the results be.

    The functions are plain NumPy still, and constants stay as they are. Not among the default scenarios, since making
    them loads the library; `test_backend` adds those of the family that an engine computes in.

    Args:
        family: the library's name: one of `diffiface.registry.available_families()`.
    Returns:
        Scenarios with the tag of the library's name; none for a library that has arrays of its own only inside a trace.
    Raises:
        InputError: no engine that is installed brings a family of that name.

    >>> from diffiface.testing import family_scenarios
    >>> family_scenarios("autograd")  # whose arrays, outside a trace, are NumPy's
    []
    """
    known = registry.available_families()
    if family not in known:
        raise InputError(f"no array family is called {family!r}", fix=f"families: {', '.join(known) or 'none'}")
    arrays = registry.family_of_module(family)
    assert arrays is not None
    if not arrays.owns(arrays.from_numpy(np.zeros(1), None)):
        return []
    basic = [s for function in FUNCTIONS if "basic" in function.tags for s in function.scenarios()]
    vectors = [s for s in basic if getattr(s.x, "ndim", 0) == 1]
    chosen = [
        *basic,
        *(modifiers.batched(s) for s in basic if s.descriptor.seeds is not None),
        *map(modifiers.with_constant, vectors),
        *map(modifiers.in_tree, vectors),
        *map(modifiers.single_precision, vectors),
        *complex_scenarios(),
    ]
    return [modifiers.in_family(scenario, arrays) for scenario in chosen]
