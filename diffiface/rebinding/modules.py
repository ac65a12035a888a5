"""Modules that f's code names: numpy, scipy, math with replacements in them, and the user's own with rebound functions."""

from __future__ import annotations

import types
from typing import Any

from diffiface.rebinding.libraries import is_users
from diffiface.rebinding.rebound import rebinds, rebound
from diffiface.rebinding.substitutes import load_translations, refusing, substitute_for

_WITH_REPLACEMENTS = frozenset({"numpy", "scipy", "math", "cmath"})
_AS_THEY_ARE = ("numpy.random", "numpy.testing")

_views: dict[int, tuple[types.ModuleType, types.ModuleType]] = {}


@rebinds(types.ModuleType)
def rebound_module(module: types.ModuleType) -> types.ModuleType:
    """Return what f's code sees in the place of a module."""
    known = _views.get(id(module))
    if known is not None:
        return known[1]
    name = module.__name__
    top = name.partition(".")[0]
    if top in _WITH_REPLACEMENTS and not name.startswith(_AS_THEY_ARE):
        load_translations()
        view = _library_view(module)
    elif is_users(name):
        view = _UsersModule(module)
    else:
        return module
    _views[id(module)] = (module, view)
    return view


def _library_view(module: types.ModuleType) -> types.ModuleType:
    """Make a module that fills itself with a library's names, replaced, as they are used.

    It is an ordinary module with a `__getattr__` of its own, so that names found once cost what they cost in NumPy.
    """
    view = types.ModuleType(module.__name__, module.__doc__)
    for name in ("__file__", "__path__", "__spec__", "__version__", "__all__"):
        if hasattr(module, name):
            setattr(view, name, getattr(module, name))
    scipy = module.__name__.startswith("scipy")

    def find(name: str) -> Any:
        value = getattr(module, name)
        replacement = rebound(value) if isinstance(value, types.ModuleType) else substitute_for(value)
        if scipy and replacement is value and isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            replacement = refusing(value)
        setattr(view, name, replacement)
        return replacement

    view.__getattr__ = find  # type: ignore[method-assign]
    view.__dir__ = lambda: dir(module)  # type: ignore[method-assign]
    return view


class _UsersModule(types.ModuleType):
    """A module of the user's: its names are looked up at every use, what is set is set in the module itself."""

    def __init__(self, module: types.ModuleType):
        super().__init__(module.__name__, module.__doc__)
        object.__setattr__(self, "_diffiface_module", module)
        object.__setattr__(self, "_diffiface_kept", {})

    def __getattr__(self, name: str) -> Any:
        value = getattr(object.__getattribute__(self, "_diffiface_module"), name)
        replacement = rebound(value)
        if replacement is not value:
            object.__getattribute__(self, "_diffiface_kept")[name] = (
                replacement  # alive until it is replaced: made once
            )
        return replacement

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_diffiface_module"), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_diffiface_module"), name)

    def __dir__(self) -> list[str]:
        return dir(object.__getattribute__(self, "_diffiface_module"))
