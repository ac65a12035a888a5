"""The pytest plugin of diffiface: engines and scenarios as parameters of tests.

It is a module of its own, outside the package, because pytest loads it in every run, also of projects that have
nothing to do with diffiface: nothing is imported until a test asks for one of the fixtures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

_MARK = "diffiface_scenarios"


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "engines for the fixtures `backend` and `engines`: names with commas between, or `all` (the default)"
    parser.getgroup("diffiface").addoption("--diffiface-backends", metavar="NAMES", default=None, help=help_text)
    parser.addini("diffiface_backends", help_text, default="all")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{_MARK}(scenarios=None, operators=None, tags=(), without=()): "
        "what the fixture `scenario` runs over; default: diffiface's default scenarios",
    )


def chosen_engines(config: pytest.Config) -> list[str]:
    """Return the engines that the command line or the configuration names, installed or not.

    Raises `pytest.UsageError` for a name that no engine has.
    """
    import diffiface

    given = config.getoption("--diffiface-backends") or config.getini("diffiface_backends")
    known = diffiface.registered_backends()
    names = [name.strip() for name in given.split(",") if name.strip()]
    if names == ["all"]:
        return list(known)
    for name in names:
        if name not in known:
            raise pytest.UsageError(f"--diffiface-backends: no engine is called {name!r}; known: {', '.join(known)}")
    return names


def _why_missing(name: str) -> str:
    from diffiface import registry

    missing = registry.missing_modules(name)
    return f"{name} needs {', '.join(missing)}, which is not installed" if missing else ""


# The fixtures stand on private ones, which are what is parametrised: so a project that has a fixture `backend` or
# `scenario` of its own is left alone.


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "_diffiface_backend" in metafunc.fixturenames:
        metafunc.parametrize("_diffiface_backend", chosen_engines(metafunc.config), indirect=True)
    if "_diffiface_scenario" in metafunc.fixturenames:
        scenarios = _scenarios_of(metafunc.definition)
        metafunc.parametrize("_diffiface_scenario", scenarios, ids=[s.id for s in scenarios], indirect=True)


def _scenarios_of(test: Any) -> Sequence[Any]:
    from diffiface.testing import default_scenarios, select

    mark = test.get_closest_marker(_MARK)
    options = {} if mark is None else dict(mark.kwargs)
    given = options.pop("scenarios", mark.args[0] if mark is not None and mark.args else None)
    return select(default_scenarios() if given is None else given, **options)


@pytest.fixture
def _diffiface_backend(request: pytest.FixtureRequest) -> str:
    reason = _why_missing(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def _diffiface_scenario(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def backend(_diffiface_backend: str) -> str:
    """Each engine in turn, by name; skipped, with the reason, where its package is not installed."""
    return _diffiface_backend


@pytest.fixture
def scenario(_diffiface_scenario: Any) -> Any:
    """Each of the scenarios that the mark `diffiface_scenarios` chooses, in turn."""
    return _diffiface_scenario


@pytest.fixture
def engines(request: pytest.FixtureRequest) -> list[str]:
    """All chosen engines that are installed, by name."""
    return [name for name in chosen_engines(request.config) if not _why_missing(name)]
