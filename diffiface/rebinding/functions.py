"""Functions: the user's code with other globals, closure and defaults."""

from __future__ import annotations

import dis
import functools
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from diffiface.rebinding.libraries import is_users
from diffiface.rebinding.namespaces import Namespace, behind, collecting, namespace_of, note_all
from diffiface.rebinding.rebound import CHECKS, PLAIN, check_of, is_current, lock, rebinds, rebound
from diffiface.rebinding.substitutes import find_dressed, substitute_for
from diffiface.tracing import running

_STORE_GLOBAL, _DELETE_GLOBAL, _STORE_DEREF = (
    dis.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF")
)
_UNBOUND: Any = object()


class _Copied:
    """What a copy was made from, to tell whether it still is what its original would give."""

    def __init__(self, original: types.FunctionType):
        self.original = original
        self.code, self.defaults, self.kwdefaults = original.__code__, original.__defaults__, original.__kwdefaults__
        self.cells: list[tuple[int, types.CellType, Any]] = []
        """Which of the closure, the user's cell, and its content when the copy was made. (Nothing here leads to the copy.)"""
        self.met: set[Namespace] = set()

    def is_current(self, copy: types.FunctionType, visited: set[int] | None = None) -> bool:
        f = self.original
        if (
            f.__code__ is not self.code
            or f.__defaults__ is not self.defaults
            or f.__kwdefaults__ is not self.kwdefaults
        ):
            return False
        if not self.cells:
            return True
        visited = {id(f)} if visited is None else visited | {id(f)}
        for place, cell, seen in self.cells:
            content = content_of(cell)
            if content is not seen and not (type(content) in PLAIN and type(seen) in PLAIN):
                return False
            became = content_of(copy.__closure__[place])  # type: ignore[index]
            if seen is became or id(content) in visited:
                continue
            if type(became) is types.FunctionType:
                if not copy_is_current(became, visited):
                    return False
            elif not is_current(became):
                return False
        return True


# The copy is held by whoever uses it, and holds its original; so neither outlives the user's function for our sake.
_copies: weakref.WeakValueDictionary[int, types.FunctionType] = weakref.WeakValueDictionary()
_made: weakref.WeakKeyDictionary[types.FunctionType, _Copied] = weakref.WeakKeyDictionary()
_in_progress: set[int] = set()


def content_of(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return _UNBOUND


def original_of(f: Any) -> Any:
    """Return the user's own function behind a rebound one (any other value is returned as it is)."""
    made = _made.get(f) if type(f) is types.FunctionType else None
    return f if made is None else made.original


def copy_is_current(copy: types.FunctionType, visited: set[int] | None = None) -> bool:
    """Say whether a copy is what its original would give now."""
    made = _made.get(copy)
    return made is None or made.is_current(copy, visited)


def forget(f: Any) -> None:
    """Let copies of a function, and of what leads to it, be made anew: something else stands for it from now on."""
    copy = _copies.pop(id(f), None)
    made = None if copy is None else _made.get(copy)
    if made is not None:
        made.defaults = (_UNBOUND,)  # as if the function had been changed


def _check_of_copy(copy: types.FunctionType) -> Callable[[], bool] | None:
    made = _made.get(copy)
    return None if made is None else functools.partial(made.is_current, copy)


def _check_of_all(*parts: Any) -> Callable[[], bool] | None:
    checks = [check for check in map(check_of, parts) if check is not None]
    return (lambda: all(check() for check in checks)) if checks else None


CHECKS[types.FunctionType] = _check_of_copy
CHECKS[types.MethodType] = lambda method: _check_of_all(method.__func__, method.__self__)
CHECKS[functools.partial] = lambda f: _check_of_all(f.func, *f.args, *f.keywords.values())
CHECKS[tuple] = lambda items: _check_of_all(*items)


@rebinds(types.FunctionType)
def rebound_function(f: types.FunctionType) -> Any:
    """Return the copy of a user's function; for a library's, what replaces it."""
    if behind(f.__globals__) is not None:
        return f
    users = is_users(f.__globals__.get("__name__"))
    replacement = substitute_for(f)
    if users and replacement is not f:  # it was given a rule (di.define_rule)
        return replacement
    if not users:
        if replacement is not f or not f.__closure__ or id(f) in _in_progress:
            return replacement
        # Decorators of libraries (contextlib.contextmanager, np.errstate) may have wrapped a user's function.
        if not _wraps_users_function(f, set()):
            return f
    copy = _copies.get(id(f))
    made = None if copy is None else _made.get(copy)
    if copy is None or made is None or made.original is not f or not made.is_current(copy):
        with lock:
            if id(f) in _in_progress:
                return _later(f)
            return _copy(f, users)
    note_all(made.met)
    return copy


def _is_users_function(value: Any) -> bool:
    return type(value) is types.FunctionType and is_users(value.__globals__.get("__name__"))


def _wraps_users_function(f: types.FunctionType, visited: set[int]) -> bool:
    """Say whether a library's function has a user's in its closure, or another of a library that has."""
    visited.add(id(f))
    for content in map(content_of, f.__closure__ or ()):
        if type(content) is types.FunctionType:
            if id(content) not in visited and (_is_users_function(content) or _wraps_users_function(content, visited)):
                return True
        elif callable(content) and not isinstance(content, type) and rebound(content) is not content:
            return True  # a user's method or callable object, or what has a replacement (math.sin)
    return False


def _later(f: types.FunctionType) -> Callable[..., Any]:
    """Stand for a function that is being copied and is met again on the way (through a dict that holds it)."""

    @functools.wraps(f)
    def call(*args: Any, **keywords: Any) -> Any:
        return rebound_function(f)(*args, **keywords)

    return call


def _copy(f: types.FunctionType, users: bool) -> Any:
    made = _Copied(f)
    globals = f.__globals__
    with collecting() as met:
        if users:
            namespace = namespace_of(globals)
            written = globals_written(f.__code__)
            if written is None:  # `del` of a global cannot be passed on
                return f
            if written:
                namespace.writes(written)
            globals = namespace.replaced
        _in_progress.add(id(f))
        try:
            cells, to_fill = _cells(f, made)
            defaults = rebound(f.__defaults__)
            kwdefaults = f.__kwdefaults__ and {name: rebound(value) for name, value in f.__kwdefaults__.items()}
        finally:
            _in_progress.discard(id(f))
        copy = types.FunctionType(f.__code__, globals, f.__name__, defaults, cells)
        copy.__kwdefaults__ = kwdefaults
        copy.__qualname__, copy.__doc__, copy.__module__ = f.__qualname__, f.__doc__, f.__module__
        copy.__annotations__ = f.__annotations__
        copy.__dict__ = f.__dict__  # the same dict: attributes set by the code are set on the user's function
        _made[copy], _copies[id(f)] = made, copy
        for cell, content in to_fill:
            cell.cell_contents = rebound(content)
    made.met = met
    note_all(met)
    return copy


def _cells(
    f: types.FunctionType, made: _Copied
) -> tuple[tuple[types.CellType, ...] | None, list[tuple[types.CellType, Any]]]:
    """Return the copy's closure, and those of its cells that are to be filled once the copy exists."""
    if not f.__closure__:
        return None, []
    cells, to_fill = [], []
    assigned = cells_assigned(f.__code__)
    for place, (name, cell) in enumerate(zip(f.__code__.co_freevars, f.__closure__, strict=True)):
        content = content_of(cell)
        own = cell
        if name not in assigned and type(content) not in PLAIN:
            made.cells.append((place, cell, content))
        if name in assigned or type(content) in PLAIN or content is _UNBOUND:
            pass
        elif _is_users_function(content) or (name == "__class__" and isinstance(content, type)):
            own = types.CellType(content)  # may lead back to f: only then is there a copy to put in
            to_fill.append((own, content))
        else:
            became = rebound(content)
            own = cell if became is content else types.CellType(became)
        cells.append(own)
    return tuple(cells), to_fill


# ---- what code assigns to


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of a function and of those made in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def globals_written(code: types.CodeType) -> set[str] | None:
    """Return the names that code (or a function in it) declares global and assigns to; None if it deletes one."""
    names: set[str] = set()
    for part in codes(code):
        operations = part.co_code[::2]  # operations and their arguments alternate
        if _DELETE_GLOBAL in operations:
            return None
        if _STORE_GLOBAL in operations:
            names.update(i.argval for i in dis.get_instructions(part) if i.opcode == _STORE_GLOBAL)
    return names


def cells_assigned(code: types.CodeType) -> set[str]:
    """Return the names of the closure that code declares nonlocal and assigns to: those keep their cell."""
    names: set[str] = set()
    for part in codes(code):
        if _STORE_DEREF in part.co_code[::2]:
            names.update(i.argval for i in dis.get_instructions(part) if i.opcode == _STORE_DEREF)
    return names


# ---- other things that are called


@rebinds(functools.partial)
def rebound_partial(f: functools.partial[Any]) -> Any:
    """Rebind the function of a partial and the arguments it holds."""
    function, args = rebound(f.func), tuple(map(rebound, f.args))
    keywords = {name: rebound(value) for name, value in f.keywords.items()}
    if function is f.func and all(map(_is, args, f.args)) and all(map(_is, keywords.values(), f.keywords.values())):
        return f
    return functools.partial(function, *args, **keywords)


def _is(a: Any, b: Any) -> bool:
    return a is b


@rebinds(types.MethodType)
def rebound_method(method: types.MethodType) -> Any:
    """Rebind a method and the object (or class) it is bound to."""
    function, owner = method.__func__, method.__self__
    if type(function) is types.FunctionType and behind(function.__globals__) is not None:
        return method
    new_function, new_owner = rebound(function), rebound(owner)
    if new_function is function and new_owner is owner:
        return method
    if new_function is function and type(new_owner) is not type(owner):
        # A library's object (scipy.stats.norm) and what stands for it: the method is the one of that name.
        return getattr(new_owner, function.__name__, method)
    return types.MethodType(new_function, new_owner)


_cached: weakref.WeakValueDictionary[int, Callable[..., Any]] = weakref.WeakValueDictionary()
_caches_of_run: list[Callable[[], None]] = []


@rebinds(type(functools.lru_cache(lambda: None)))
def rebound_cache(cached: Any) -> Any:
    """Rebind what `lru_cache` and `cache` return: results of traced values are kept until the run ends."""
    known = _cached.get(id(cached))
    if known is not None and known._diffiface_original is cached:  # type: ignore[attr-defined]
        return known
    with lock:
        if id(cached) in _in_progress:
            return lambda *args, **keywords: rebound_cache(cached)(*args, **keywords)
        _in_progress.add(id(cached))
        try:
            function = rebound(cached.__wrapped__)
        finally:
            _in_progress.discard(id(cached))
    if function is cached.__wrapped__:
        return cached
    for_traced = functools.lru_cache(**cached.cache_parameters())(function)

    @functools.wraps(cached)
    def call(*args: Any, **keywords: Any) -> Any:
        if find_dressed((args, keywords)) is None:
            return cached(*args, **keywords)
        _caches_of_run.append(for_traced.cache_clear)
        return for_traced(*args, **keywords)

    call._diffiface_original = cached  # type: ignore[attr-defined]
    _cached[id(cached)] = call
    return call


def end_run() -> None:
    """Drop the traced values that caches hold, once no trace is running in this thread."""
    if _caches_of_run and not running.traces:
        for clear in {*_caches_of_run}:
            clear()
        _caches_of_run.clear()
