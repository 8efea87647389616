"""Figures of instrument responses: what is drawn where."""

from __future__ import annotations

import sys
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from matplotlib.figure import Figure
from pyirf.spectral import CRAB_HEGRA

from lstluigi.errors import LstluigiError
from lstluigi.report.plots import irfs
from lstluigi.report.plots.performance import ENERGY_FLUX, Curve, Performance


def curve(values: Any, unit: Any) -> Curve:
    edges = np.geomspace(0.01, 10, 4) * u.TeV
    return Curve(edges[:-1], edges[1:], np.array(values, float) * unit)


def performance(**more: Curve) -> Performance:
    return Performance("a", effective_area=curve([0, 1e4, 1e5], u.m**2), **more)


def sensitivity(factor: float) -> Performance:
    flux = factor * np.array([3e-12, 1e-12, np.nan])
    return performance(sensitivity=curve(flux, ENERGY_FLUX))


def titles(drawing: Figure) -> list[str]:
    return [axes.get_title() for axes in drawing.axes if axes.axison]


def test_a_panel_for_each_quantity_of_any_file() -> None:
    drawing = irfs.summary(performance(), "a $1 title")
    assert titles(drawing) == ["Effective area"]
    assert drawing.get_suptitle() == "a $1 title"
    assert not drawing.legends
    both = irfs.compare([performance(), sensitivity(1)], ["one", "two"])
    assert len(titles(both)) == 2
    assert [text.get_text() for text in both.legends[0].get_texts()] == ["one", "two"]


def test_points_are_at_the_values_and_zero_is_left_out_of_logarithms() -> None:
    (axes,) = irfs.summary(performance()).axes
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(x, np.sqrt([1e-3, 1e-1, 10]))
    np.testing.assert_array_equal(y, [np.nan, 1e4, 1e5])
    assert axes.get_yscale() == "log"


def test_sensitivities_are_compared_to_the_first() -> None:
    drawing = irfs.compare([sensitivity(1), performance(), sensitivity(2)], ["a", "b", "c"])
    ratio = next(axes for axes in drawing.axes if axes.get_title().startswith("Sensitivity div"))
    first, second = (line.get_ydata() for line in ratio.lines[:2])
    np.testing.assert_allclose(first, [1, 1, np.nan])
    np.testing.assert_allclose(second, [2, 2, np.nan])


def test_crab_fractions_follow_the_spectrum() -> None:
    axes = Figure().subplots()
    irfs.panel(axes, "sensitivity", [sensitivity(1)], ["a"])
    assert [text.get_text() for text in axes.texts] == ["Crab", "10 % Crab", "1 % Crab"]
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    for line, share in zip(dashed, (1, 0.1, 0.01), strict=True):
        energy = line.get_xdata() * u.TeV
        expected = (share * energy**2 * CRAB_HEGRA(energy)).to_value("erg / (cm2 s)")
        np.testing.assert_allclose(line.get_ydata(), expected)


def test_many_files_have_different_colours() -> None:
    drawing = irfs.compare([performance()] * 20, [str(number) for number in range(20)])
    lines = [line for line in drawing.axes[0].lines if line.get_marker() == "o"]
    assert drawing.get_figheight() > irfs.summary(performance()).get_figheight()
    assert len({tuple(np.atleast_1d(line.get_color())) for line in lines}) == 20


def test_cta_north_is_drawn_where_it_is_known() -> None:
    pytest.importorskip("ctaplot")
    north = irfs.cta_north()
    assert north.sensitivity is not None
    best = np.nanmin(north.sensitivity.value.to_value(ENERGY_FLUX))
    assert 5e-14 < best < 3e-13  # published: about 1e-13 erg / (cm2 s) at some TeV
    drawing = irfs.compare([sensitivity(1)], ["mine"], north)
    names = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert names == ["mine", north.path]


def test_without_ctaplot_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctaplot", None)
    monkeypatch.setitem(sys.modules, "ctaplot.ana", None)
    with pytest.raises(LstluigiError, match="pip install ctaplot"):
        irfs.cta_north()
