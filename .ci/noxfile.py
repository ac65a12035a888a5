"""The parts of `.ci/run` one by one, each in an environment of its own: `nox -f .ci/noxfile.py -s tests`."""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "tests"]


def _install(session: nox.Session) -> None:
    session.chdir("..")
    session.install("torch==2.13.0")
    session.install("-e", ".[dev]")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests; further arguments go to pytest."""
    _install(session)
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def tensorflow(session: nox.Session) -> None:
    """Run the tests of the engine `tensorflow`, nightly ones too; it is too large for the environment of the others."""
    _install(session)
    session.install("-e", ".[tensorflow]")
    session.run(
        "python", "-m", "pytest", "tests/backends/test_tensorflow.py", "tests/test_docs.py", "-m", "", *session.posargs
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff and pyright."""
    _install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("pyright", "--pythonpath", session.virtualenv.bin + "/python")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site into build/site."""
    _install(session)
    session.run("mkdocs", "build", "--strict", "-f", ".ci/mkdocs.yml")
