"""Objects named as `module:name`, the way the command line and other processes are told of a function."""

from __future__ import annotations

import difflib
import functools
import importlib
import sys
from typing import Any

from diffiface.errors import InputError


def named_object(name: str) -> Any:
    """Import an object by its name, also from the current folder.

    Args:
        name: `"module:name"`; the name may have dots (`"models:Logit.loglike"`).
    Returns:
        The object.
    Raises:
        InputError: the text has another form, or there is no such module or object.

    >>> from diffiface.named_objects import named_object
    >>> named_object("math:floor")
    <built-in function floor>
    """
    module, _, attributes = name.partition(":")
    if not module or not attributes:
        raise InputError(f"{name!r} is not of the form module:name", fix="for example models:loglike")
    sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
        return functools.reduce(getattr, attributes.split("."), found)
    except ImportError as error:
        raise InputError(
            f"{name!r} cannot be imported: {error}", fix="name a module on sys.path or in the current folder"
        ) from error
    except AttributeError as error:
        close = difflib.get_close_matches(attributes, dir(sys.modules.get(module)), n=1)
        fix = f"did you mean {module}:{close[0]}?" if close else f"name something that {module} defines"
        raise InputError(f"{name!r} cannot be imported: {error}", fix=fix) from error
    finally:
        sys.path.remove("")
