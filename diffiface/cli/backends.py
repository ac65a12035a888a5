"""diffiface backends."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from rich.markup import escape
from rich.table import Table

from diffiface import registry
from diffiface.adapter import OPERATORS
from diffiface.cli.terminal import console
from diffiface.errors import MissingBackendError

_WIDTHS = {"installed": 25, "native": 18, "others": 7}
"""The least that columns take: a pip line that can be copied, and names of operators in one piece."""


def backends() -> None:
    """List the engines: what is installed, in which version, what each does natively, and how to get the rest.

    \b
    Example:
      diffiface backends
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("engine", "installed", "mode", "exact", "native", "others"):
        table.add_column(name, overflow="fold", no_wrap=name == "engine", min_width=_WIDTHS.get(name))
    for name in registry.registered_backends():
        # (escaped: in Rich's markup the extra of 'diffiface[jax]' would be a style, and vanish)
        table.add_row(name, *map(escape, _description_of(name)))
    console().print(table)


def _description_of(name: str) -> tuple[str, ...]:
    try:
        capabilities = registry.capabilities(name)
    except MissingBackendError as error:
        return (f"no: {error.fix}", "", "", "", "")
    except Exception as error:  # its package is there, but broken: the others are still to be listed
        return (f"broken: {type(error).__name__}: {error}", "", "", "", "")
    operators = capabilities.operators
    native = [operator for operator in OPERATORS if operators[operator] == "native"]
    others = {operators[operator] for operator in OPERATORS if operator not in native}
    return (
        f"yes {', '.join(filter(None, map(_version_of, registry.required_modules(name))))}".strip(),
        capabilities.mode.value,
        "yes" if capabilities.exact else "no",
        "every operator" if len(native) == len(OPERATORS) else ", ".join(native),
        ", ".join(sorted(others)),
    )


def _version_of(module: str) -> str:
    try:
        return version(module)
    except PackageNotFoundError:
        return ""
