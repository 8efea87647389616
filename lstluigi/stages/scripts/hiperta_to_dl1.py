"""DL1 as HiPeRTA writes it (its layout v300) to DL1 as lstchain 0.12 writes it.

Runs inside a job with the python of the lstchain environment. Values are taken over, not computed
again: what lstchain would get from the images is not looked at. The layout that is assumed, with
names, shapes and units, stands in ``docs/workflow-hiperta.md``.

An angle, length or energy is read in the unit that the table gives in an attribute (``NAME_UNIT``
as ctapipe 0.8 writes it, ``CTAFIELD_N_UNIT`` as later ones do), else in the one named here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tables
from astropy import units
from astropy.coordinates import EarthLocation
from astropy.table import Table
from astropy.time import Time
from ctapipe.containers import SimulationConfigContainer
from ctapipe.coordinates import CameraFrame
from ctapipe.instrument import (
    CameraDescription,
    CameraGeometry,
    CameraReadout,
    OpticsDescription,
    SubarrayDescription,
    TelescopeDescription,
)
from ctapipe.io import HDF5TableWriter, write_table
from ctapipe_io_lst import OPTICS as LST_OPTICS
from ctapipe_io_lst.constants import REFERENCE_LOCATION
from lstchain.io import (
    HDF5_ZSTD_FILTERS,
    add_global_metadata,
    global_metadata,
    write_mcheader,
    write_metadata,
)
from lstchain.io.lstcontainers import ThrownEventsHistogram
from lstchain.reco.disp import disp
from lstchain.reco.utils import sky_to_camera

Values = np.ndarray[Any, Any]

RUN = "/configuration/simulation/run"
INSTRUMENT = "/configuration/instrument"
LAYOUT, OPTICS = f"{INSTRUMENT}/subarray/layout", f"{INSTRUMENT}/telescope/optics"
GEOMETRY = f"{INSTRUMENT}/telescope/camera/geometry_LSTCam"
READOUT = f"{INSTRUMENT}/telescope/camera/readout_LSTCam"
THROWN = "/simulation/service/shower_distribution"
SHOWERS = "/simulation/event/subarray/shower"
TRIGGER = "/dl1/event/subarray/trigger"
PARAMETERS, IMAGES = "/dl1/event/telescope/parameters", "/dl1/event/telescope/images"
LSTCHAIN_TRIGGER = "/dl1/event/subarray/trigger"
LSTCHAIN_PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
LSTCHAIN_IMAGES = "/dl1/event/telescope/image/LST_LSTCam"

#: What a pixel's gain channel is where nothing says it
UNKNOWN_GAIN = -1
SUBARRAY_EVENT = 32  # ctapipe's EventType.SUBARRAY: what telescopes trigger on
#: Rows of images in memory at a time: 20 MB
ROWS = 1000
#: LSTCam's, for files that do not say them (degrees)
PIXEL_ROTATION, CAMERA_ROTATION = 100.893, 0.0
SAMPLES, SAMPLING_GHZ, PULSE_NS = 40, 1.024, 0.0244140625


class ScriptError(Exception):
    """What the user is told, in one sentence; ``exit_code`` 2 for the call, 1 for the data."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Column:
    """A column of lstchain's parameters.

    Attributes
    ----------
    name, dtype, unit
        As lstchain writes it.
    kind
        What it is about: `image`, `width` (a length in the image that becomes an angle), `count`,
        `shower`, or nothing where it is computed.
    source, source_unit
        HiPeRTA's column, and what that is in if the table does not say.
    needed
        Whether a file without it is refused; else it is not a number there.
    """

    name: str
    dtype: str
    unit: str = ""
    kind: str = ""
    source: str = ""
    source_unit: str = ""
    needed: bool = True


def _hillas(name: str, unit: str = "") -> Column:
    return Column(name, "f8", unit, "image", f"hillas_{name}", unit)


def _width(name: str, needed: bool = True) -> Column:
    return Column(name, "f8", "deg", "width", f"hillas_{name}", "m", needed)


def _same(name: str, dtype: str = "f8", needed: bool = True) -> Column:
    return Column(name, dtype, "", "image", name, "", needed)


def _true(name: str, unit: str) -> Column:
    return Column(f"mc_{name}", "f8", unit, "shower", f"true_{name}", unit)


#: In the order of lstchain's table.
COLUMNS = (
    Column("obs_id", "i4"),
    Column("event_id", "i8"),
    _hillas("intensity"),
    Column("log_intensity", "f8"),
    _hillas("x", "m"),
    _hillas("y", "m"),
    _hillas("r", "m"),
    _hillas("phi", "rad"),
    _width("length"),
    _width("length_uncertainty", needed=False),
    _width("width"),
    _width("width_uncertainty", needed=False),
    _hillas("psi", "rad"),
    _hillas("skewness"),
    _hillas("kurtosis"),
    Column("time_gradient", "f8", "", "image", "timing_slope", "1 / m"),
    Column("intercept", "f8", "", "image", "timing_intercept"),
    _same("leakage_intensity_width_1", "f4"),
    _same("leakage_intensity_width_2", "f4"),
    _same("leakage_pixels_width_1"),
    _same("leakage_pixels_width_2"),
    Column("n_pixels", "i8", "", "count", "morphology_num_pixels"),
    _same("concentration_cog", needed=False),
    _same("concentration_core", needed=False),
    _same("concentration_pixel", needed=False),
    Column("n_islands", "i8", "", "count", "morphology_num_islands"),
    Column("alt_tel", "f4", "rad"),
    Column("az_tel", "f4", "rad"),
    Column("sin_az_tel", "f4"),
    Column("calibration_id", "i8"),
    _true("energy", "TeV"),
    Column("log_mc_energy", "f8"),
    _true("alt", "rad"),
    _true("az", "rad"),
    _true("core_x", "m"),
    _true("core_y", "m"),
    _true("h_first_int", "m"),
    Column("mc_type", "i8", "", "shower", "true_shower_primary_id"),
    Column("mc_az_tel", "f4", "rad"),
    Column("mc_alt_tel", "f4", "rad"),
    _true("x_max", "g / cm2"),
    Column("mc_core_distance", "f8", "m"),
    Column("wl", "f8"),
    Column("tel_id", "i8"),
    *(Column(f"tel_pos_{axis}", "f4", "m") for axis in "xyz"),
    Column("trigger_type", "i8"),
    Column("trigger_time", "f8"),
    Column("event_type", "i8"),
    *(Column(f"disp_{name}", "f4") for name in ("dx", "dy", "norm", "angle", "sign")),
    *(Column(f"src_{axis}", "f4") for axis in "xy"),
)


class Source:
    """A DL1 file of HiPeRTA, open for reading.

    Parameters
    ----------
    h5
        The file.
    tel_id
        The telescope that is taken from it.
    """

    def __init__(self, h5: tables.File, tel_id: int) -> None:
        self.h5, self.tel_id = h5, tel_id
        self.name = os.path.basename(h5.filename)

    def table(self, path: str) -> tables.Table:
        """A table that must be there."""
        if path not in self.h5:
            raise ScriptError(f"{self.name} has no table {path}: it is not DL1 of HiPeRTA (v300).")
        return self.h5.get_node(path)

    def of_telescope(self, path: str) -> tables.Table:
        """The telescope's own table below a path."""
        if path not in self.h5:
            return self.table(path)
        there = sorted(self.h5.get_node(path)._v_children)
        name = f"tel_{self.tel_id:03}"
        if name not in there:
            raise ScriptError(
                f"{self.name} has no telescope {self.tel_id} below {path} (there: "
                f"{', '.join(there) or 'none'}): call hiperta_r0_dl1 with --selectedtel "
                f"{self.tel_id}."
            )
        return self.h5.get_node(path, name)

    def need(self, table: tables.Table, name: str) -> None:
        """Refuse a table without a column."""
        if name not in table.colnames:
            raise ScriptError(f"{self.name}: the table {table._v_pathname} has no column {name}.")

    def column(self, table: tables.Table, name: str, unit: str = "") -> Values:
        """A column that must be there, in this unit."""
        self.need(table, name)
        values = np.asarray(table.col(name))
        given = _unit_of(table, name) if unit else ""
        if not given:
            return values
        try:
            return np.asarray(units.Quantity(values, given).to_value(unit))
        except (ValueError, TypeError, units.UnitsError):
            raise ScriptError(
                f"{self.name}: {name} of {table._v_pathname} is in {given!r}, which is not a unit "
                f"like {unit}."
            ) from None

    def read(self, table: tables.Table, kind: str) -> dict[str, Values]:
        """Columns of a kind by their new names, in the source's usual units."""
        return {
            column.name: self.column(table, column.source, column.source_unit)
            if column.needed or column.source in table.colnames
            else np.full(len(table), np.nan)
            for column in COLUMNS
            if column.kind == kind
        }

    def only_row(self, path: str) -> tables.Table:
        """A table of one row: one file is one run."""
        table = self.table(path)
        if len(table) != 1:
            raise ScriptError(f"{self.name}: {path} has {len(table)} rows where one is expected.")
        return table


def _unit_of(table: tables.Table, name: str) -> str:
    """What the attributes of a table say of a column's unit; empty where they say nothing."""
    attributes, position = table.attrs, table.colnames.index(name)
    names = (f"{name}_UNIT", f"CTAFIELD_{position}_UNIT")
    return next((str(attributes[n]) for n in names if n in attributes), "")


# ---- parameters ------------------------------------------------------------------------------


def parameters(source: Source, focal_m: float, position: Values) -> dict[str, Values]:
    """lstchain's parameters of every event of the telescope.

    Parameters
    ----------
    focal_m
        Equivalent focal length (m), with which lstchain makes angles and source positions.
    position
        Of the telescope (m), shape (3,).
    """
    table = source.of_telescope(PARAMETERS)
    if not len(table):
        raise ScriptError(f"{source.name} has no events of telescope {source.tel_id}.")
    rows = len(table)
    found = {
        "obs_id": source.column(table, "obs_id"),
        "event_id": source.column(table, "event_id"),
        "calibration_id": np.full(rows, -1),
        "tel_id": np.full(rows, source.tel_id),
        **{f"tel_pos_{axis}": np.full(rows, at) for axis, at in zip("xyz", position, strict=True)},
        **_of_images(source, table, focal_m),
    }
    found.update(_of_showers(source, found["event_id"], position))
    found.update(_of_triggers(source, found["event_id"]))
    found.update(_of_direction(found, *_pointing(source), focal_m))
    order = np.argsort(found["event_id"], kind="stable")  # a run is known by its rising numbers
    return {name: values[order] for name, values in found.items()}


def _of_images(source: Source, table: tables.Table, focal_m: float) -> dict[str, Values]:
    """What follows from the image; an event without one has none of it, as in lstchain."""
    found, widths = source.read(table, "image"), source.read(table, "width")
    seen = np.isfinite(found["intensity"]) & (found["intensity"] > 0)
    found.update({name: np.degrees(np.arctan(m / focal_m)) for name, m in widths.items()})
    found = {name: np.where(seen, values, np.nan) for name, values in found.items()}
    counts = source.read(table, "count").items()
    found.update({name: np.where(seen, values, -1) for name, values in counts})
    found["log_intensity"] = np.log10(found["intensity"])
    # an image of pixels in a row has no width, one of a single pixel no length either
    length = np.where(found["length"] > 0, found["length"], np.nan)
    found["wl"] = found["width"] / length
    return found


def _of_showers(source: Source, events: Values, position: Values) -> dict[str, Values]:
    """What was simulated."""
    table = source.table(SHOWERS)
    rows = _rows(source, table, events)
    found = {name: values[rows] for name, values in source.read(table, "shower").items()}
    if (np.abs(found["mc_alt"]) > np.pi / 2).any():
        raise ScriptError(
            f"{source.name}: true_alt of {SHOWERS} has no unit and is not in radians; "
            "the attribute true_alt_UNIT can say what it is."
        )
    across = [found[f"mc_core_{axis}"] - at for axis, at in zip("xy", position, strict=False)]
    found["mc_core_distance"] = np.hypot(*across)
    found["log_mc_energy"] = np.log10(found["mc_energy"])
    return found


def _of_triggers(source: Source, events: Values) -> dict[str, Values]:
    """When and why it was read out."""
    table = source.table(TRIGGER)
    rows = _rows(source, table, events)
    kind = _event_types(source, table)[rows]
    return {
        "trigger_time": trigger_times(source, table)[rows].unix,
        "trigger_type": kind,
        "event_type": kind,
    }


def trigger_times(source: Source, table: tables.Table) -> Any:
    """Times as astropy has them, from days of the modified Julian date (TAI)."""
    days = source.column(table, "time")
    if days.ndim != 1 or days.dtype.kind != "f":
        raise ScriptError(f"{source.name}: time of {TRIGGER} is no modified Julian date.")
    return Time(days, format="mjd", scale="tai")


def _event_types(source: Source, table: tables.Table) -> Values:
    if "event_type" in table.colnames:
        return source.column(table, "event_type")
    return np.full(len(table), SUBARRAY_EVENT)


def _of_direction(
    found: dict[str, Values], azimuth: float, altitude: float, focal_m: float
) -> dict[str, Values]:
    """Where telescope and shower point, and the vector from the image to the source."""
    rows = len(found["x"])
    # as lstchain, which computes with what it has written
    pointing = {
        "alt_tel": np.full(rows, altitude, dtype="f4"),
        "az_tel": np.full(rows, azimuth, dtype="f4"),
    }
    camera = sky_to_camera(
        found["mc_alt"] * units.rad,
        found["mc_az"] * units.rad,
        focal_m * units.m,
        pointing["alt_tel"] * units.rad,
        pointing["az_tel"] * units.rad,
    )
    at = [axis.to_value(units.m) for axis in (camera.x, camera.y)]
    names = ("dx", "dy", "norm", "angle", "sign")
    vector = disp(found["x"], found["y"], *at, found["psi"])
    return {
        **pointing,
        **{f"mc_{name}": values for name, values in pointing.items()},
        "sin_az_tel": np.sin(pointing["az_tel"]),
        **{f"src_{axis}": values for axis, values in zip("xy", at, strict=True)},
        **{f"disp_{name}": values for name, values in zip(names, vector, strict=True)},
    }


def _pointing(source: Source) -> tuple[float, float]:
    """Azimuth and altitude of the array (rad)."""
    table = source.only_row(RUN)
    direction = source.column(table, "run_array_direction", "rad")[0]
    if direction.shape != (2,) or abs(direction[1]) > np.pi / 2:
        raise ScriptError(
            f"{source.name}: run_array_direction of {RUN} is not azimuth and altitude in radians."
        )
    return float(direction[0]), float(direction[1])


def _rows(source: Source, table: tables.Table, events: Values) -> Values:
    """In which row of a table each event stands: event numbers are unique within a run."""
    numbers = source.column(table, "event_id")
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    if (np.diff(ordered) == 0).any():
        raise ScriptError(f"{source.name}: {table._v_pathname} has an event twice.")
    places = np.searchsorted(ordered, events)
    known = places < len(ordered)
    known[known] = ordered[places[known]] == events[known]
    if not known.all():
        raise ScriptError(
            f"{source.name}: {np.count_nonzero(~known)} of {len(events)} events are not in "
            f"{table._v_pathname}, e.g. event {events[~known][0]}."
        )
    return order[places]


# ---- what does not change from event to event --------------------------------------------------


def subarray(source: Source) -> Any:
    """The telescope as ctapipe describes it, with its camera and optics."""
    layout = source.table(LAYOUT)
    at = np.flatnonzero(source.column(layout, "tel_id") == source.tel_id)
    if not len(at):
        raise ScriptError(f"{source.name}: {LAYOUT} has no telescope {source.tel_id}.")
    position = [source.column(layout, f"pos_{axis}", "m")[at[0]] for axis in "xyz"]
    geometry = _geometry(source)
    optics = _optics(source)
    camera = CameraDescription("LSTCam", geometry, _readout(source, geometry.n_pixels))
    return SubarrayDescription(
        name=str(_said(layout, "SUBARRAY", "MonteCarloArray")),
        tel_positions={source.tel_id: np.array(position) * units.m},
        tel_descriptions={source.tel_id: TelescopeDescription("LST", optics, camera)},
        reference_location=_location(layout) or REFERENCE_LOCATION,
    )


def _said(table: tables.Table, name: str, usual: Any) -> Any:
    """An attribute of a table, or what it usually is."""
    return getattr(table.attrs, name, usual)


def _location(layout: tables.Table) -> Any:
    """Where the array stands, if the table says it."""
    names = [f"reference_itrs_{axis}" for axis in "xyz"]
    if not all(name in layout.attrs for name in names):
        return None
    return EarthLocation.from_geocentric(*(layout.attrs[name] for name in names), unit=units.m)


def _geometry(source: Source) -> Any:

    table = source.table(GEOMETRY)
    pixels = {name: source.column(table, f"pix_{name}", "m") * units.m for name in "xy"}
    focal = _optics(source).effective_focal_length
    return CameraGeometry(
        name="LSTCam",
        pix_id=source.column(table, "pix_id"),
        pix_x=pixels["x"],
        pix_y=pixels["y"],
        pix_area=source.column(table, "pix_area", "m2") * units.m**2,
        pix_type="hexagon",
        pix_rotation=float(_said(table, "PIX_ROT", PIXEL_ROTATION)) * units.deg,
        cam_rotation=float(_said(table, "CAM_ROT", CAMERA_ROTATION)) * units.deg,
        frame=CameraFrame(focal_length=focal),
    )


def _readout(source: Source, pixels: int) -> Any:

    table = source.table(READOUT)
    channels = int(_said(table, "NCHAN", 2))
    names = [f"reference_pulse_shape_channel{channel}" for channel in range(channels)]
    return CameraReadout(
        name="LSTCam",
        sampling_rate=float(_said(table, "SAMPFREQ", SAMPLING_GHZ)) * units.GHz,
        reference_pulse_shape=np.array([source.column(table, name) for name in names]),
        reference_pulse_sample_width=float(_said(table, "REFWIDTH", PULSE_NS)) * units.ns,
        n_channels=channels,
        n_pixels=pixels,
        n_samples=int(_said(table, "NSAMPLES", SAMPLES)),
    )


def _optics(source: Source) -> Any:
    """LST's optics with the focal lengths of the file; an early one has no effective one."""
    table = source.table(OPTICS)
    if not len(table):
        raise ScriptError(f"{source.name}: {OPTICS} is empty.")
    focal = {"effective_focal_length": LST_OPTICS.effective_focal_length}
    for name in ("equivalent_focal_length", "effective_focal_length"):
        if name in table.colnames or name not in focal:
            focal[name] = source.column(table, name, "m")[0] * units.m
    return OpticsDescription(
        name=LST_OPTICS.name,
        size_type=LST_OPTICS.size_type,
        n_mirrors=LST_OPTICS.n_mirrors,
        n_mirror_tiles=LST_OPTICS.n_mirror_tiles,
        reflector_shape=LST_OPTICS.reflector_shape,
        mirror_area=LST_OPTICS.mirror_area,
        **focal,
    )


#: Of the run, what IRFs and merges depend on; the rest is taken over where it is there.
NEEDED_OF_RUN = (
    *("energy_range_min", "energy_range_max", "spectral_index", "n_showers", "shower_reuse"),
    *("prod_site_B_total", "prod_site_B_declination", "prod_site_B_inclination"),
    *("min_alt", "max_alt", "min_az", "max_az", "min_scatter_range", "max_scatter_range"),
    *("diffuse", "min_viewcone_radius", "max_viewcone_radius"),
)
OLD_NAMES = {"n_showers": "num_showers"}


def run_config(source: Source) -> tuple[Any, Any]:
    """How the run was simulated, as ctapipe's container, and its number."""
    table = source.only_row(RUN)
    obs_id = np.int32(source.column(table, "obs_id")[0])
    container = SimulationConfigContainer()
    for name, field in container.fields.items():
        old = OLD_NAMES.get(name, name)
        if name not in NEEDED_OF_RUN and old not in table.colnames:
            container[name] = None
            continue
        value = source.column(table, old, str(field.unit or ""))[0]
        container[name] = value if field.unit is None else units.Quantity(value, field.unit)
    container["run_number"] = obs_id
    return container, obs_id


def thrown_events(source: Source, metadata: Any) -> Any:
    """How many showers were thrown, by energy (TeV) and core distance (m), as lstchain has it."""
    table = source.only_row(THROWN)
    container = ThrownEventsHistogram()
    given_in = {"bins_energy": "TeV", "bins_core_dist": "m"}
    for name in container.fields:
        container[name] = source.column(table, name, given_in.get(name, ""))[0]
    expected = (len(container["bins_energy"]) - 1, len(container["bins_core_dist"]) - 1)
    if np.shape(container["histogram"]) != expected:
        raise ScriptError(f"{source.name}: the histogram of {THROWN} is not of shape {expected}.")
    add_global_metadata(container, metadata)
    return container


# ---- writing ---------------------------------------------------------------------------------


def write(source: Source, path: Path) -> None:
    """Write the file of lstchain; the histogram of thrown events last, which tells it is whole."""
    described = subarray(source)
    focal = described.tel[source.tel_id].optics.equivalent_focal_length.to_value("m")
    position = described.positions[source.tel_id].to_value("m")
    found = parameters(source, focal, position)
    metadata = global_metadata()
    thrown = thrown_events(source, metadata)
    header, obs_id = run_config(source)
    write_metadata(metadata, path)
    described.to_hdf(path)
    write_mcheader(header, path, obs_id=obs_id, filters=HDF5_ZSTD_FILTERS, metadata=metadata)
    meta = {**metadata.as_dict(), "config": json.dumps({"dl1": "hiperta_r0_dl1"})}
    with tables.open_file(path, "a", filters=HDF5_ZSTD_FILTERS) as out:
        for where, table in _tables(source, found):
            table.meta.update(meta)
            _append(out, where, table)
    with HDF5TableWriter(path, "simulation", mode="a", filters=HDF5_ZSTD_FILTERS) as writer:
        writer.write("thrown_event_distribution", [thrown])


def _append(out: tables.File, where: str, table: Any) -> None:

    write_table(table, out, where, append=where in out, filters=HDF5_ZSTD_FILTERS)


def _tables(source: Source, found: dict[str, Values]) -> Iterator[tuple[str, Any]]:
    """Tables of events with their places, those of images in parts."""
    yield LSTCHAIN_TRIGGER, _trigger_table(source, found["event_id"])
    table = Table({column.name: found[column.name].astype(column.dtype) for column in COLUMNS})
    for column in COLUMNS:
        table[column.name].unit = column.unit or None
    yield LSTCHAIN_PARAMETERS, table
    if IMAGES in source.h5:
        for part in _image_tables(source, found["event_id"]):
            yield LSTCHAIN_IMAGES, part


def _trigger_table(source: Source, events: Values) -> Any:

    table = source.table(TRIGGER)
    numbers = source.column(table, "event_id")
    return Table(
        {
            "obs_id": source.column(table, "obs_id").astype("i4"),
            "event_id": numbers.astype("i8"),
            "time": trigger_times(source, table),
            "tels_with_trigger": np.isin(numbers, events)[:, np.newaxis],
            "event_type": _event_types(source, table).astype("i8"),
        }
    )


def _image_tables(source: Source, events: Values) -> Iterator[Any]:
    """Images in the order of the parameters, by which lstchain finds them.

    There is a mask only where HiPeRTA has written one (``-g``).
    """
    table = source.of_telescope(IMAGES)
    for name in ("obs_id", "image", "peak_time"):
        source.need(table, name)
    rows = _rows(source, table, events)
    for start in range(0, len(rows), ROWS):
        part = table.read_coordinates(rows[start : start + ROWS])
        shape, given = part["image"].shape, part.dtype.names
        mask = {"image_mask": part["image_mask"].astype(bool)} if "image_mask" in given else {}
        valid = part["is_valid"] if "is_valid" in given else True
        yield Table(
            {
                "obs_id": part["obs_id"].astype("i4"),
                "event_id": part["event_id"].astype("i8"),
                "image": part["image"].astype("f4"),
                "peak_time": part["peak_time"].astype("f4"),
                **mask,
                "is_valid": np.full(len(part), valid, dtype=bool),
                "tel_id": np.full(len(part), source.tel_id),
                "selected_gain_channel": np.full(shape, UNKNOWN_GAIN, dtype="i1"),
            }
        )


def convert(source_path: Path, path: Path, tel_id: int) -> None:
    """Write under a temporary name beside `path`, then rename."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        with tables.open_file(source_path, "r") as h5:
            write(Source(h5, tel_id), temporary)
        temporary.replace(path)
    except tables.HDF5ExtError as error:
        raise ScriptError(
            f"{source_path} is not a whole HDF5 file ({_last_line(error)}): let hiperta_r0_dl1 "
            "make it again."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _last_line(error: Exception) -> str:
    """What HDF5 says in the end, below its own traceback."""
    return next((line for line in reversed(str(error).splitlines()) if line.strip()), "no reason")


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line (argparse exits with 2 where it is wrong)."""
    parser = argparse.ArgumentParser(
        prog="hiperta_to_dl1.py", description="DL1 of HiPeRTA to DL1 of lstchain."
    )
    parser.add_argument("input", type=Path, help="what hiperta_r0_dl1 has written")
    parser.add_argument("-o", "--output", type=Path, required=True, help="HDF5 file to make")
    parser.add_argument("--tel-id", type=int, default=1, help="the telescope to take (default: 1)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script; return its exit code."""
    args = parse_arguments(argv)
    try:
        if not args.input.is_file():
            raise ScriptError(f"{args.input} does not exist: hiperta_r0_dl1 has not made it.", 2)
        if args.output.exists():
            raise ScriptError(f"{args.output} exists already: remove it first.", 2)
        convert(args.input, args.output, args.tel_id)
    except (ScriptError, OSError) as error:
        print(f"hiperta_to_dl1.py: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
