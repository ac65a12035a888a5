"""Global names as rebound functions see them: their module's own, live, except for those that are replaced.

A rebound function is the user's code with other globals: an ordinary dict, `Namespace.replaced`, that holds the replaced
names only. Python looks every other name up in what it takes for the builtins, here `_Lookup`, which asks the module
itself. So data of the module are always those of this moment, and nothing is copied or changed. (Why not a dict with
`__missing__` as the globals themselves: `eval`, nested functions and class bodies read those without asking it.)
"""

from __future__ import annotations

import builtins
import operator
import threading
from collections.abc import Callable
from typing import Any

from diffiface.rebinding.rebound import PLAIN, check_of, is_current, rebound
from diffiface.rebinding.substitutes import load_translations

_KEPT = 512
"""How many namespaces are remembered: enough for any program, few enough for one that makes them by `exec`."""


class Namespace:
    """The globals of one module, with replaced names."""

    def __init__(self, real: dict[str, Any]):
        self.real = real
        self.replaced: dict[str, Any] = {"__builtins__": _Lookup(self), "__name__": real.get("__name__", "__main__")}
        self.seen: dict[str, Any] = {}
        """The value in the module that each replaced name was made from (None: it is a builtin's name)."""
        self._watch: tuple[tuple[str, ...], tuple[Any, ...], list[Callable[[], bool]]] | None = None
        """What `refresh` compares: names, their values, and whether replacements are what those would still give."""
        self.neighbours: set[Namespace] = set()
        """The namespaces of functions that names of this one lead to."""
        self.written: set[str] = set()
        """The names that rebound code declares `global` and writes."""

    def look_up(self, name: str) -> Any:
        """Find a name that is not replaced so far: called at every use of a global that is not."""
        seen = self.real.get(name)
        value = _builtins_of(self.real)[name] if seen is None and name not in self.real else seen
        with collecting() as met:
            replacement = rebound(value)
        if replacement is not value or (seen is None and value is not None):
            if not met <= self.neighbours:
                self.neighbours |= met
                _Graph.version += 1
            self.seen[name] = seen
            self.replaced[name] = replacement
            self._watch = None
        return replacement

    def refresh(self) -> None:
        """Forget the replacements of names that have changed in the module."""
        names, values, checks = self._watch or self._watched()
        get = self.real.get
        if all(map(operator.is_, map(get, names), values)) and all(check() for check in checks):
            return
        for name, seen in [*self.seen.items()]:
            if get(name) is not seen or not is_current(self.replaced.get(name)):
                self.seen.pop(name, None)
                self.replaced.pop(name, None)
        self._watch = None

    def _watched(self) -> tuple[tuple[str, ...], tuple[Any, ...], list[Callable[[], bool]]]:
        seen = {**self.seen}
        checks = [check_of(self.replaced[name]) for name, value in seen.items() if value is not None]
        self._watch = tuple(seen), tuple(seen.values()), [check for check in checks if check is not None]
        return self._watch

    def write_back(self) -> None:
        """Give the module what rebound code has assigned to its `global` names."""
        for name in self.written:
            if name in self.replaced and name not in self.seen:
                self.real[name] = self.replaced.pop(name)

    def writes(self, names: set[str]) -> None:
        """Note that rebound code assigns to these names: they are not replaced from now on."""
        self.written |= names
        if names and self not in _writers:
            _writers.append(self)
        for name in names & self.seen.keys():
            del self.seen[name]
            self.replaced.pop(name, None)
        self._watch = None


class _Lookup(dict[str, Any]):
    """What Python takes for the builtins of rebound code. (It reads the two stored names without `__missing__`.)"""

    def __init__(self, namespace: Namespace):
        super().__init__(__import__=_importer(namespace), __build_class__=builtins.__build_class__)
        self.namespace = namespace

    def __missing__(self, name: str) -> Any:
        namespace = self.namespace
        value = namespace.real.get(name)
        if value is not None and type(value) in PLAIN:  # data, read at every step of a loop
            return value
        if name in namespace.written:
            return namespace.real[name] if name in namespace.real else _builtins_of(namespace.real)[name]
        return namespace.look_up(name)


def _builtins_of(real: dict[str, Any]) -> dict[str, Any]:
    own = real.get("__builtins__", builtins)
    return own if isinstance(own, dict) else vars(own)


def _importer(namespace: Namespace) -> Any:
    def import_(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        """`import` inside a rebound function."""
        module = builtins.__import__(name, namespace.real, locals, fromlist, level)
        load_translations()
        return rebound(module)

    return import_


# ---- which namespace belongs to which dict

_namespaces: dict[int, Namespace] = {}
_namespaces_lock = threading.Lock()
_writers: list[Namespace] = []
"""Those with `global` names that rebound code assigns to."""


def namespace_of(real: dict[str, Any]) -> Namespace:
    """Return the namespace of a module's globals."""
    namespace = _namespaces.get(id(real))
    if namespace is None:
        with _namespaces_lock:
            while len(_namespaces) >= _KEPT:
                _namespaces.pop(next(iter(_namespaces)))
            namespace = _namespaces.setdefault(id(real), Namespace(real))
    _collected.note(namespace)
    return namespace


def write_back() -> None:
    """Give the modules what rebound code has assigned to their `global` names (at the end of every run)."""
    for namespace in _writers:
        namespace.write_back()


def behind(globals: dict[str, Any]) -> dict[str, Any] | None:
    """Return the module's own globals behind those of rebound code (None if they are a module's own)."""
    lookup = globals.get("__builtins__")
    return lookup.namespace.real if type(lookup) is _Lookup else None


# ---- which namespaces a value leads to


class _Graph:
    version = 0
    """Counts the additions to neighbours, so that what is reachable is worked out again only after one."""


class _Collected(threading.local):
    def __init__(self) -> None:
        self.sets: list[set[Namespace]] = []

    def note(self, namespace: Namespace) -> None:
        for collected in self.sets:
            collected.add(namespace)
        if not self.sets:  # reached while f runs (`module.helper`, `model.loss`), so not from a name refreshed before
            namespace.refresh()


_collected = _Collected()


class collecting:
    """Collect the namespaces that are met while values are rebound (a context manager)."""

    def __enter__(self) -> set[Namespace]:
        met: set[Namespace] = set()
        _collected.sets.append(met)
        return met

    def __exit__(self, *_: object) -> None:
        _collected.sets.pop()


def note_all(namespaces: set[Namespace]) -> None:
    """Note that a value rebound before leads to these namespaces."""
    for namespace in namespaces:
        _collected.note(namespace)


class Reach:
    """All namespaces that a set of them leads to, kept until one of them leads further."""

    def __init__(self, start: set[Namespace]):
        self.start = start
        self.version = -1
        self.all: list[Namespace] = []

    def namespaces(self) -> list[Namespace]:
        """Return the namespaces."""
        if self.version != _Graph.version:
            self.version = _Graph.version
            found, pending = set(self.start), [*self.start]
            while pending:
                for neighbour in pending.pop().neighbours - found:
                    found.add(neighbour)
                    pending.append(neighbour)
            self.all = [*found]
        return self.all
