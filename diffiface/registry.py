"""Names of engines: found by entry points, loaded when first named.

A distribution offers engines by the entry-point group `diffiface.backends` (name = "package.adapter:Class")
and array families by `diffiface.families` (the top-level module of the array's type = "package.arrays:FAMILY").
An engine package says in `REQUIRES = ("jax",)` in its `__init__.py` which modules it needs, so that one can
tell what is installed without loading any of them, and perhaps `BY_NAME_ONLY = True` (`default_backends`).
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from diffiface.adapter import Backend, Capabilities
from diffiface.errors import MissingBackendError, UnknownBackendError
from diffiface.optional_packages import missing_among, needs

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_extra: dict[str, type[Backend]] = {}
_ORDER = ("forward", "reverse", "jax", "torch", "autograd", "finite_differences", "numdifftools")


@functools.cache
def _installed(group: str) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # a tenth of `import diffiface`, which may never name an engine

    return {point.name: point for point in entry_points(group=group)}


def _entry_points() -> dict[str, EntryPoint]:
    return _installed("diffiface.backends")


def registered_backends() -> tuple[str, ...]:
    """Return the names of all known engines, installed or not."""
    names = {*_entry_points(), *_extra}
    return tuple(sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)))


def is_local(name: str) -> bool:
    """Whether the engine was made known by `register_backend`, so that other processes do not know its name."""
    return name in _extra


def required_modules(name: str) -> tuple[str, ...]:
    """Return the modules the engine needs, as its package says without loading them."""
    if name in _extra:
        return ()
    package = importlib.import_module(_entry_points()[name].module.partition(".")[0])
    return tuple(getattr(package, "REQUIRES", ()))


def missing_modules(name: str) -> tuple[str, ...]:
    """Return the modules the engine needs that are not installed (empty when it can be used)."""
    return tuple(missing_among(required_modules(name)))


def available_backends() -> tuple[str, ...]:
    """Return the names of the engines that can be used here, without loading them.

    >>> import diffiface as di
    >>> "reverse" in di.available_backends()
    True
    """
    return tuple(name for name in registered_backends() if not missing_modules(name))


def default_backends() -> tuple[str, ...]:
    """Return the engines that are taken where none is named: in comparisons, benchmarks, choices.

    An engine too slow to be tried unasked (its cost grows with every single number, or it compiles for seconds) says
    `BY_NAME_ONLY = True` in its package, and is left out.

    >>> from diffiface import registry
    >>> "reverse" in registry.default_backends(), "mpmath" in registry.default_backends()
    (True, False)
    """
    return tuple(name for name in available_backends() if not _is_by_name_only(name))


def _is_by_name_only(name: str) -> bool:
    if name in _extra:
        return False
    package = importlib.import_module(_entry_points()[name].module.partition(".")[0])
    return bool(getattr(package, "BY_NAME_ONLY", False))


def register_backend(cls: type[Backend]) -> type[Backend]:
    """Make an engine class known by its name in this process (a package uses an entry point instead).

    Usable as a class decorator. Raises `UnknownBackendError` if the class has no name.
    """
    if not cls.name:
        raise UnknownBackendError(f"{cls.__name__} has no name", fix='set `name = "..."` in the class')
    _extra[cls.name] = cls
    return cls


def backend_class(name: str) -> type[Backend]:
    """Load the class of an engine.

    Raises `UnknownBackendError` for a name nobody registered, `MissingBackendError` if its package is absent.
    """
    if name in _extra:
        return _extra[name]
    if name == "auto":  # not an engine, so in no list of engines; it chooses among them
        from diffiface.auto.backend import Auto

        return Auto
    point = _entry_points().get(name)
    if point is None:
        names = registered_backends()
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise UnknownBackendError(f"no engine is called {name!r}", fix=f"{hint}known engines: {', '.join(names)}")
    missing = missing_modules(name)
    if missing:
        raise MissingBackendError(
            needs("this engine", missing),
            engine=name,
            fix=f"pip install {_install_line(name, missing)}",
        )
    return point.load()


def _install_line(name: str, missing: tuple[str, ...]) -> str:
    point = _entry_points()[name]
    if point.dist is None or point.dist.name != "diffiface":
        return " ".join(missing)
    # A plain `torch` from the index brings gigabytes of CUDA; the extra pins nothing that avoids it.
    return "torch==2.13.0" if name == "torch" else f"'diffiface[{name}]'"


def backend(spec: str | Backend, /, **options: Any) -> Backend:
    """Return the engine of that name with these options.

    Arguments: `spec`, a name such as `"jax"` or a backend object; `options`, the engine's own
    (`jit=False`, `method="forward"`) and the common ones (`style`, `chunk_size`).
    Returns a hashable, comparable, picklable object whose repr reads back.
    Raises `UnknownBackendError` for an unknown name or option, `MissingBackendError` for an absent package.

    >>> import diffiface as di
    >>> di.backend("finite_differences", method="forward")
    backend('finite_differences', method='forward')
    """
    if isinstance(spec, str):
        cls = backend_class(spec)
    elif isinstance(spec, Backend):
        cls = type(spec)
        options = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec) if f.init} | options
    else:
        raise UnknownBackendError(
            f"a backend is a name or a backend object, not {spec!r}",
            fix="give a name such as 'reverse', or di.backend('reverse', ...)",
        )
    known = {f.name for f in dataclasses.fields(cls) if f.init}
    unknown = [option for option in options if option not in known]
    if unknown:
        raise UnknownBackendError(
            f"no option called {unknown[0]!r}", engine=cls.name, fix=f"options: {', '.join(sorted(known))}"
        )
    return cls(**options)


@functools.cache
def _default(name: str) -> Backend:
    return backend(name)


def resolve(spec: str | Backend) -> Backend:
    """Turn what a caller passed as `backend` into a backend object."""
    if isinstance(spec, Backend):
        return spec
    if isinstance(spec, str) and spec not in _extra:
        return _default(spec)
    return backend(spec)


def capabilities(spec: str | Backend) -> Capabilities:
    """Say what an engine does natively, what the front end derives for it, and what it cannot do.

    >>> import diffiface as di
    >>> di.capabilities("reverse").operators["gradient"]
    'native'
    """
    return resolve(spec).capabilities()


def available_families() -> tuple[str, ...]:
    """Return the libraries, besides NumPy, whose arrays are taken for x and that are installed, without loading them."""
    names = _installed("diffiface.families")
    return tuple(sorted(name for name in names if importlib.util.find_spec(name) is not None))


@functools.cache
def family_of_module(module: str) -> Any | None:
    """Return the array family registered for types of this top-level module (None if there is none)."""
    point = _installed("diffiface.families").get(module)
    return None if point is None else point.load()
