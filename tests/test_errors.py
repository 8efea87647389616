"""What the user is told of an exception."""

from __future__ import annotations

import logging

import pytest

from lstluigi.errors import LstluigiError, sentence


def test_what_the_user_can_mend_is_told_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert sentence(LstluigiError("name another file")) == "name another file"
    assert caplog.records == []


def test_a_fault_of_lstluigi_is_called_one_and_kept_for_its_report(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="lstluigi")
    assert sentence(KeyError("dl1")) == (
        "KeyError: 'dl1'; this is a fault of lstluigi, please report it"
    )
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.exc_info is not None
