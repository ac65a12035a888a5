"""Which scenarios there are by default: the functions, and each modifier where it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from diffiface.testing.scenario import Scenario
from diffiface.testing.scenarios import modifiers
from diffiface.testing.scenarios.basic import FUNCTIONS
from diffiface.testing.scenarios.classic import classic_scenarios
from diffiface.testing.scenarios.special import (
    complex_scenarios,
    empty_scenarios,
    kink_scenarios,
    size_one_scenarios,
)

_Rule = tuple[Callable[[Scenario], bool], Callable[[Scenario], Scenario]]


def _basic(s: Scenario) -> bool:
    return "basic" in s.tags


def _vector_x(s: Scenario) -> bool:
    return _basic(s) and isinstance(s.x, np.ndarray) and s.x.ndim == 1


_RULES: tuple[_Rule, ...] = (
    (lambda s: s.descriptor.seeds is not None, modifiers.batched),
    (
        lambda s: s.descriptor.fills_output and np.ndim(s.exact(s.at)[0]) > 0 and "writes" not in s.tags,
        modifiers.filling,
    ),
    (_basic, modifiers.with_constant),
    (_basic, modifiers.with_array_constant),
    (lambda s: _basic(s) and np.ndim(s.x) > 0, modifiers.with_cache),
    (_basic, modifiers.with_state),
    (_basic, modifiers.by_second_argument),
    (_vector_x, modifiers.by_two_arguments),
    (_basic, modifiers.with_aux),
    (_vector_x, modifiers.in_tree),
    (lambda s: _vector_x(s) and s.descriptor.output == "any", modifiers.tree_out),
    (lambda s: _basic(s) and np.ndim(s.x) > 0, modifiers.single_precision),
    (lambda s: _basic(s) and np.ndim(s.x) > 0, modifiers.in_another_order),
    (lambda s: _basic(s) and np.ndim(s.x) > 0, modifiers.read_only),
    # Two at once.
    (
        lambda s: _vector_x(s) and s.descriptor.seeds is not None,
        lambda s: modifiers.batched(modifiers.with_constant(s)),
    ),
    (lambda s: _vector_x(s) and s.descriptor.seeds == "tangents", lambda s: modifiers.in_tree(modifiers.batched(s))),
    (
        lambda s: _vector_x(s) and s.descriptor.seeds is not None,
        lambda s: modifiers.by_two_arguments(modifiers.batched(s)),
    ),
    (
        lambda s: _basic(s) and s.descriptor.fills_output and np.ndim(s.exact(s.at)[0]) > 0,
        lambda s: modifiers.filling(modifiers.with_constant(s)),
    ),
)
"""Where a modifier applies, and the modifier."""


def default_scenarios() -> list[Scenario]:
    """Return the scenarios that every engine should pass.

    Every operator on functions between numbers, vectors and matrices, and variants: batches, functions that fill
    their output, constants, caches, closures that change, other arguments than the first, auxiliary results, pytrees,
    float32, strided and read-only arrays; nothing or one entry in x; complex numbers; kinks; and the classic problems.
    Their tags:

    `basic`, `batched`, `fills`, `contexts`, `cache`, `state`, `argnums`, `aux`, `tree`, `float32`, `strided`, `read-only`,
    `writes`, `constant f`, `empty`, `size one`, `complex`, `kink`, `classic`.

    Returns:
        A new list; `select` chooses from it.

    >>> from diffiface.testing import default_scenarios
    >>> len({scenario.id for scenario in default_scenarios()}) == len(default_scenarios())
    True
    """
    plain = [scenario for known in FUNCTIONS for scenario in known.scenarios()]
    # (Variants of the basic ones are not basic themselves.)
    variants = [
        _not_basic(modifier(scenario)) for applies, modifier in _RULES for scenario in plain if applies(scenario)
    ]
    special = [*empty_scenarios(), *size_one_scenarios(), *complex_scenarios(), *kink_scenarios()]
    return [*plain, *variants, *special, *classic_scenarios()]


def _not_basic(scenario: Scenario) -> Scenario:
    return replace(scenario, tags=scenario.tags - {"basic"})
