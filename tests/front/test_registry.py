"""Names, options, capabilities, and what is said of engines that are not there."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import diffiface as di
from diffiface import registry
from tests.conftest import ENGINES


def test_the_seven_names():
    assert set(ENGINES) <= set(di.registered_backends())


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(di.UnknownBackendError, match="did you mean 'reverse'"):
        di.gradient(np.sum, "revers", np.ones(2))


@pytest.mark.parametrize("backend", [3, None, np.sum])
def test_not_a_backend(backend):
    with pytest.raises(di.UnknownBackendError, match="a name or a backend object"):
        di.gradient(np.sum, backend, np.ones(2))


def test_unknown_option_names_the_options(engine):
    with pytest.raises(di.UnknownBackendError, match=f"{engine}: no option called 'jitt'[\\s\\S]*chunk_size"):
        di.backend(engine, jitt=True)


def test_bad_common_options(engine):
    with pytest.raises(di.InputError, match="style"):
        di.backend(engine, style="fortran")
    with pytest.raises(di.InputError, match="chunk_size"):
        di.backend(engine, chunk_size=0)


def test_backends_are_values(engine):
    from diffiface import backend

    plain, chunked = backend(engine), backend(engine, chunk_size=4)
    assert plain == backend(engine) and hash(plain) == hash(backend(engine))
    assert plain != chunked and len({plain, chunked, backend(engine)}) == 2
    for b in (plain, chunked):
        assert eval(repr(b), {"backend": backend}) == b
        assert pickle.loads(pickle.dumps(b)) == b
    assert backend(chunked) == chunked and backend(chunked, chunk_size=None) == plain


def test_missing_backend_names_the_pip_line(monkeypatch):
    monkeypatch.setattr(registry, "missing_modules", lambda name: ("jax",) if name == "jax" else ())
    registry._default.cache_clear()
    try:
        assert "jax" not in di.available_backends()
        with pytest.raises(di.MissingBackendError, match=r"pip install 'diffiface\[jax\]'") as caught:
            di.gradient(np.sum, "jax", np.ones(2))
        assert isinstance(caught.value, ImportError)
    finally:
        registry._default.cache_clear()


def test_capabilities_are_read_off_the_class():
    forward, reverse = di.capabilities("forward"), di.capabilities("reverse")
    assert forward.operators["pushforward"] == "native" and reverse.operators["pullback"] == "native"
    assert forward.operators["hessian"] in ("native", "derived")
    assert not di.capabilities("finite_differences").exact
    assert forward.nests == reverse.nests == "in any engine"
