"""The garbage collector waits while a graph is built, and only then."""

from __future__ import annotations

import gc

import pytest

from lstluigi.scheduler import collection_put_off


def test_it_waits_and_comes_back() -> None:
    assert gc.isenabled()
    with collection_put_off():
        assert not gc.isenabled()
        with collection_put_off():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_comes_back_after_an_error() -> None:
    with pytest.raises(KeyError), collection_put_off():
        raise KeyError
    assert gc.isenabled()
