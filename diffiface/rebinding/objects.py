"""Objects and classes of the user's: twins whose methods are rebound and whose attributes are the user's own.

The twin of an instance shares its `__dict__`, so what a method sets is set on the user's object. The twin of a class is
derived from it (and from the twins of its bases, so that `super()` leads to rebound methods) and counts as it in
`isinstance` and `==`. Only classes in which the user wrote a method get one.
"""

from __future__ import annotations

import abc
import functools
import operator
import types
import weakref
from collections.abc import Iterator
from typing import Any, Protocol

from diffiface.rebinding.functions import _in_progress, original_of
from diffiface.rebinding.libraries import is_users
from diffiface.rebinding.namespaces import collecting, note_all
from diffiface.rebinding.rebound import OTHERS, PLAIN, lock, rebinds, rebound
from diffiface.rebinding.substitutes import substitute_for

_METACLASSES = (type, abc.ABCMeta, type(Protocol))
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: classes written in Python
_OF_EVERY_CLASS = frozenset(
    "__dict__ __weakref__ __slots__ __module__ __qualname__ __doc__ __init_subclass__ __abstractmethods__ _abc_impl "
    "__classcell__ __getattribute__ __static_attributes__ __firstlineno__".split()
)


class _Twin:
    """The base of twins of classes with a `__dict__`: it knows the user's object, and runs no hook of the classes."""

    __slots__ = ("_diffiface_original",)

    def __init_subclass__(cls, **_: Any) -> None:
        pass  # making a twin must not enter it in the user's registries


class _TwinOfSlots:
    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass


class _Own:
    """A class attribute of the user's class, read at every use (the twins of its bases must not hide it)."""

    def __init__(self, cls: type, name: str):
        self.cls, self.name = cls, name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        value = vars(self.cls)[self.name]
        get = getattr(type(value), "__get__", None)
        return value if get is None else get(value, instance, owner)


@functools.cache
def _metaclass_of_twins(metaclass: type) -> type:
    class Twins(metaclass):
        """The class of twins: they stand for the user's class wherever classes are compared."""

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, cls._diffiface_class)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, cls._diffiface_class)

        def __eq__(cls, other: Any) -> bool:
            return other is cls or other is cls._diffiface_class

        def __hash__(cls) -> int:
            return hash(cls._diffiface_class)

        def __setattr__(cls, name: str, value: Any) -> None:
            if name.startswith(("__", "_abc_")):
                super().__setattr__(name, value)
            else:
                setattr(cls._diffiface_class, name, value)

        def __delattr__(cls, name: str) -> None:
            delattr(cls._diffiface_class, name)

        def _diffiface_check(cls) -> Any:
            return functools.partial(_class_is_current, cls)

    return Twins


_twins: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_twins_of_instances: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()


def is_twin(cls: type) -> bool:
    """Say whether a class is the twin of a user's class."""
    return "_diffiface_class" in vars(cls)


# ---- classes


@rebinds(*_METACLASSES)
def rebound_class(cls: Any) -> Any:
    """Return the twin of a user's class; for a library's, what replaces it."""
    replacement = substitute_for(cls)
    if replacement is not cls or not is_users(cls.__module__) or is_twin(cls):
        return replacement
    twin = _twins.get(id(cls))
    if twin is None or twin._diffiface_class is not cls or not _class_is_current(twin):
        if not _has_methods(cls):
            return cls
        with lock:
            if id(cls) in _in_progress:
                return cls
            twin = _make_twin(cls)
    note_all(twin._diffiface_met)
    return twin


def _users_bases(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if is_users(base.__module__))


def _can_have_twin(cls: type) -> bool:
    return (
        type(cls) in _METACLASSES
        and all(base is object or base.__flags__ & _HEAP_TYPE for base in cls.__mro__)
        and not hasattr(cls, "__del__")  # it would run for the twin too
    )


@functools.cache
def _is_generated(code: types.CodeType) -> bool:
    return code.co_filename == "<string>" and code.co_name.startswith("__")


def _has_methods(cls: type) -> bool:
    """Say whether the user wrote a method of this class (those that `dataclass` makes do not count)."""
    if not _can_have_twin(cls):
        return False
    for base in _users_bases(cls):
        for value in vars(base).values():
            if isinstance(value, (staticmethod, classmethod, property)):
                return True
            if type(value) is types.FunctionType and not _is_generated(value.__code__):
                return True
    return False


def _class_is_current(twin: Any) -> bool:
    """Say whether the methods of a class and its bases are those of which the twin was made."""
    return all(all(map(operator.is_, map(of.get, names), seen)) for of, names, seen in twin._diffiface_seen)


def _rebound_attribute(value: Any) -> Any:
    """Rebind what stands in a class's body (None: nothing to rebind in it)."""
    if type(value) is types.FunctionType:
        return rebound(value)
    if isinstance(value, (staticmethod, classmethod)):
        return type(value)(rebound(value.__func__))
    if type(value) is property:
        return property(rebound(value.fget), rebound(value.fset), rebound(value.fdel), value.__doc__)
    return None


def _make_twin(cls: type) -> Any:
    _in_progress.add(id(cls))
    try:
        with collecting() as met:
            slots = [name for base in cls.__mro__ for name, value in vars(base).items() if _is_slot(value)]
            # Two classes with slots have no common layout, so those get one flat twin (without rebound `super()`).
            bases = () if slots else tuple(rebound(base) for base in cls.__bases__ if is_users(base.__module__))
            twins = tuple(base for base in bases if is_twin(base))
            body: dict[str, Any] = {"_diffiface_class": cls, "_diffiface_met": met, "__module__": cls.__module__}
            body |= {"__qualname__": cls.__qualname__, "__doc__": cls.__doc__, "__getattribute__": _get_attribute(cls)}
            for base in [*_users_bases(cls)][::-1] if slots else [cls]:
                for name, value in vars(base).items():
                    attribute = None if name in _OF_EVERY_CLASS else _rebound_attribute(value)
                    if attribute is not None:
                        body[name] = attribute
                    elif twins and name not in _OF_EVERY_CLASS:
                        body[name] = value if name.startswith("__") else _Own(cls, name)
            body |= {name: _forwarded_slot(getattr(cls, name)) for name in slots}
            body["_diffiface_check"] = lambda twin: functools.partial(_class_is_current, type(twin))
            body["_diffiface_seen"] = tuple(
                (vars(base), *zip(*seen, strict=True))
                for base in _users_bases(cls)
                if (seen := [(name, value) for name, value in vars(base).items() if _is_method(value)])
            )
            base = (_TwinOfSlots,) if slots else () if twins else (_Twin,)
            twin = _metaclass_of_twins(type(cls))(cls.__name__, (*base, *twins, cls), body)
    finally:
        _in_progress.discard(id(cls))
    _twins[id(cls)] = twin
    for value in body.values():
        _lead_super_to(twin, cls, value)
    return twin


def _is_method(value: Any) -> bool:
    return isinstance(value, (types.FunctionType, staticmethod, classmethod, property))


def _is_slot(value: Any) -> bool:
    return type(value) is types.MemberDescriptorType


def _forwarded_slot(slot: Any) -> property:
    """Read and write a slot of the user's object (of the twin itself where f's code made it)."""

    def owner(self: Any) -> Any:
        return object.__getattribute__(self, "__dict__").get("_diffiface_original", self)

    return property(
        lambda self: slot.__get__(owner(self)),
        lambda self, value: slot.__set__(owner(self), value),
        lambda self: slot.__delete__(owner(self)),
    )


def _lead_super_to(twin: type, cls: type, attribute: Any) -> None:
    """Let `super()` in a rebound method start from the twin: point its cell `__class__` there."""
    functions = [attribute]
    if isinstance(attribute, property):
        functions = [attribute.fget, attribute.fset, attribute.fdel]
    elif isinstance(attribute, (staticmethod, classmethod)):
        functions = [attribute.__func__]
    for function in functions:
        if type(function) is not types.FunctionType or original_of(function) is function:
            continue
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name == "__class__" and cell.cell_contents is cls:
                cell.cell_contents = twin


def _get_attribute(cls: type) -> Any:
    inherited: Any = cls.__getattribute__

    def __getattribute__(self: Any, name: str) -> Any:
        value = inherited(self, name)
        return value if type(value) in PLAIN or name[:2] == "__" else rebound(value)

    return __getattribute__


# ---- instances


def rebound_instance(value: Any) -> Any:
    """Return the twin of a user's object; for a library's, what replaces it."""
    cls = type(value)
    if isinstance(value, type) or is_twin(cls):
        return value
    if not is_users(cls.__module__):
        return substitute_for(value)
    known = _twins_of_instances.get(id(value))
    if known is not None and user_object(known) is value and _class_is_current(type(known)):
        note_all(type(known)._diffiface_met)
        return known
    twin_class = rebound_class(cls)
    if twin_class is cls:
        held = getattr(value, "__dict__", None)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            items = [*map(rebound, value)]
            make = getattr(value, "_make")  # noqa: B009
            return value if all(a is b for a, b in zip(items, value, strict=True)) else make(items)
        if not held or not _can_have_twin(cls) or all(rebound(item) is item for item in held.values()):
            return value
        with lock:
            twin_class = _make_twin(cls)
    twin = object.__new__(twin_class)
    if issubclass(twin_class, _Twin):
        object.__setattr__(twin, "__dict__", value.__dict__)
        _Twin._diffiface_original.__set__(twin, value)  # type: ignore[attr-defined]
    else:
        object.__getattribute__(twin, "__dict__").update(getattr(value, "__dict__", {}), _diffiface_original=value)
    _twins_of_instances[id(value)] = twin
    return twin


def user_object(value: Any) -> Any:
    """Return the user's own object (function, class) behind a twin (a copy); any other value as it is."""
    if isinstance(value, type):
        return vars(value).get("_diffiface_class", value)
    cls = type(value)
    if not is_twin(cls):
        return original_of(value)
    if issubclass(cls, _Twin):
        original = _Twin._diffiface_original  # type: ignore[attr-defined]
        try:
            return original.__get__(value)
        except AttributeError:  # f's own code made it: an object of the user's class with the same attributes
            own = object.__new__(vars(cls)["_diffiface_class"])
            object.__setattr__(own, "__dict__", object.__getattribute__(value, "__dict__"))
            return own
    return object.__getattribute__(value, "__dict__").get("_diffiface_original", value)


def users_own(value: Any) -> Any:
    """Return what f's code returned with the user's own objects in the place of twins and copies."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is tuple or kind is list:
        return kind(map(users_own, value))
    return {key: users_own(item) for key, item in value.items()} if kind is dict else user_object(value)


OTHERS.append(rebound_instance)
