"""Pytrees: nested dicts, lists, tuples, namedtuples and dataclasses of arrays, by way of optree.

A structure is `LEAF` for a bare value (the usual case, kept free of optree's costs) or an optree PyTreeSpec.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable
from typing import Any

import optree

_NAMESPACE = "diffiface"
_register_lock = threading.Lock()
_known_dataclasses: set[int] = set()
"""By id: two classes may be equal (a rebound class and the user's). optree keeps them alive."""

LEAF: Any = None
"""The structure of a bare value."""


def _register_dataclass(cls: type) -> None:
    with _register_lock:
        if id(cls) in _known_dataclasses:
            return
        names = [f.name for f in dataclasses.fields(cls)]

        def flatten(instance: Any) -> tuple[list[Any], None, list[str]]:
            return [getattr(instance, name) for name in names], None, names

        def unflatten(_: Any, children: Iterable[Any]) -> Any:
            # Frozen classes and classes with derived fields are rebuilt without running __init__.
            instance = object.__new__(cls)
            for name, child in zip(names, children, strict=True):
                object.__setattr__(instance, name, child)
            return instance

        optree.register_pytree_node(cls, flatten, unflatten, namespace=_NAMESPACE)
        _known_dataclasses.add(id(cls))


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Split a pytree into its leaves and its structure."""
    leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
    unregistered = {type(leaf) for leaf in leaves if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type)}
    if unregistered:
        for cls in unregistered:
            _register_dataclass(cls)
        return flatten(tree)
    return leaves, LEAF if structure.is_leaf() else structure


def unflatten(structure: Any, leaves: Iterable[Any]) -> Any:
    """Put leaves back into a structure."""
    if structure is LEAF:
        (leaf,) = leaves
        return leaf
    return optree.tree_unflatten(structure, leaves)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Apply a function to every leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def paths(structure: Any) -> list[str]:
    """Name each leaf as Python would reach it: `['a'][0]`; a bare leaf is the empty name."""
    if structure is LEAF:
        return [""]
    return [accessor.codify("") for accessor in structure.accessors()]


def describe(structure: Any) -> str:
    """Print a structure, with `*` for each leaf."""
    if structure is LEAF:
        return "*"
    text = str(structure)
    return text.removeprefix("PyTreeSpec(").removesuffix(")").removesuffix(f", namespace='{_NAMESPACE}'")
