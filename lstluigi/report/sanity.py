"""DL1 and DL2 at a glance, node by node: intensity, gammaness, theta², energy migration."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstluigi.errors import shown
from lstluigi.production.status.model import ProductionState
from lstluigi.report.figures import Group, Source, rendered, source, there

__all__ = ["ROWS", "NoTable", "groups", "separation", "table"]

#: So many events are read of a file at most.
ROWS = 100_000
#: So many files of a node and level are read at most.
FILES = 3
#: Stages whose products are of a level; of a node those of the last stage are taken.
LEVELS = {"DL1": ("merge_dl1", "dl1ab", "r0_to_dl1"), "DL2": ("dl1_to_dl2",)}
#: Particles by CORSIKA's shower primary id as in mc_type, with colours of Okabe and Ito.
PARTICLES = {0: ("gamma", "#0072B2"), 1: ("electron", "#009E73"), 101: ("proton", "#D55E00")}
PARAMETERS = (
    "/dl2/event/telescope/parameters/LST_LSTCam",
    "/dl1/event/telescope/parameters/LST_LSTCam",
)
COLUMNS = (
    *("mc_type", "intensity", "gammaness", "mc_energy", "reco_energy"),
    *("mc_alt", "mc_az", "reco_alt", "reco_az"),
)
Columns = Mapping[str, Any]
#: Zenith distance, azimuth, line.
_Key = tuple[float, float, str]


def groups(state: ProductionState) -> Iterator[Group]:
    """Draw each node of which there is DL1 or DL2."""
    nodes: dict[_Key, dict[str, list[Source]]] = {}
    for level, stages in LEVELS.items():
        for stage in stages:
            found = _by_node(state, stage)
            for node, files in found.items():
                nodes.setdefault(node, {}).setdefault(level, files)
    for node in sorted(nodes):
        zenith, azimuth, line = node
        where = f"zenith {zenith:g}°, azimuth {azimuth:g}°"
        yield _group(f"{where} ({line})" if line else where, nodes[node])


def _by_node(state: ProductionState, stage: str) -> dict[_Key, list[Source]]:
    """Files of a stage by node; of each step the first few."""
    found: dict[_Key, list[Source]] = {}
    for step in state.steps:
        about = step.about
        if step.stage == stage and about.node is not None:
            files = [f for f in there(state, step) if f.endswith(".h5")]
            key = about.node.zenith, about.node.azimuth, about.line or ""
            if files:
                found.setdefault(key, []).append(source(state, step, files[:FILES]))
    return found


def _group(title: str, levels: Mapping[str, Sequence[Source]]) -> Group:
    group = Group(title)
    for level, sources in levels.items():
        group.sources.extend(sources)
        some = []
        for file in (path for one in sources for path in one.paths):
            try:
                some.append(table(file))
            except NoTable as error:
                group.problems.append(f"{shown(file, 4096)} cannot be drawn ({error})")
            except Exception as error:  # HDF5 and its readers each raise their own
                group.unreadable.append(f"{shown(file, 4096)} cannot be read ({_reason(error)})")
        if some:
            names = set.intersection(*(set(one) for one in some))
            events = {name: np.concatenate([one[name] for one in some]) for name in names}
            _draw(group, level, events)
    return group


def _reason(error: Exception) -> str:
    """What an error says in a line; in the trace of HDF5 the innermost reason stands last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    end = next((n for n, line in enumerate(lines) if line.startswith("End of HDF5 error")), 0)
    return lines[end - 1 if end else 0][:200] if lines else type(error).__name__


class NoTable(ValueError):
    """A file of another kind, such as DL1 of ctapipe."""


def table(path: str) -> dict[str, Any]:
    """Read the first events of a DL1 or DL2 file of lstchain.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    dict of str to ndarray
        Those of `COLUMNS` that it has, of `ROWS` events at most, all of one length.

    Raises
    ------
    NoTable
        It has no table of parameters.
    """
    import tables

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # strings of variable length in the provenance
        with tables.open_file(path) as file:
            place = next((name for name in PARAMETERS if name in file), "")
            if not place:
                raise NoTable("it has no table of parameters of the LST")
            found = file.get_node(place)
            names = [name for name in COLUMNS if name in found.colnames]
            return {name: found.read(stop=ROWS, field=name) for name in names}


def separation(alt: Any, az: Any, other_alt: Any, other_az: Any) -> Any:
    """Angle between directions in radians (haversine, exact for small angles, too)."""
    half = np.sin((alt - other_alt) / 2) ** 2
    half = half + np.cos(alt) * np.cos(other_alt) * np.sin((az - other_az) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def _draw(group: Group, level: str, events: Columns) -> None:
    panels = {
        "intensity": (_intensity, {"intensity"}),
        "gammaness": (_gammaness, {"gammaness"}),
        "θ² of gammas": (_theta2, {"reco_alt", "reco_az", "mc_alt", "mc_az", "mc_type"}),
        "energy migration of gammas": (_migration, {"mc_energy", "reco_energy", "mc_type"}),
    }
    for name, (draw, needed) in panels.items():
        if needed <= events.keys():
            from matplotlib.figure import Figure

            drawing = Figure(figsize=(4.6, 3.5), layout="constrained")
            axes = drawing.add_subplot()
            axes.set_title(f"{level}: {name}")
            if draw(axes, events):
                group.figures.append(rendered(drawing, f"{level}: {name}, {group.title}"))


def _kinds(events: Columns) -> Iterator[tuple[str, str, Any]]:
    """Name, colour and choice of the events of each particle."""
    kind = events.get("mc_type")
    if kind is None:
        some = next(iter(events.values()))
        yield "all", "#000000", np.ones(len(some), bool)
        return
    for code in np.unique(kind):
        name, colour = PARTICLES.get(int(code), (f"mc_type {int(code)}", "#CC79A7"))
        yield name, colour, kind == code


def _histograms(axes: Any, events: Columns, values: Any, bins: Any) -> bool:
    drawn = False
    for name, colour, chosen in _kinds(events):
        some = values[chosen & np.isfinite(values)]
        if len(some):
            axes.hist(some, bins, histtype="step", color=colour, label=f"{name} ({len(some)})")
            drawn = True
    axes.set(ylabel="events")
    axes.grid(alpha=0.3)
    if drawn:
        axes.legend(fontsize="small", frameon=False)
    return drawn


def _intensity(axes: Any, events: Columns) -> bool:
    axes.set(xscale="log", yscale="log", xlabel="intensity [p.e.]")
    return _histograms(axes, events, events["intensity"], np.geomspace(10, 1e6, 51))


def _gammaness(axes: Any, events: Columns) -> bool:
    axes.set(yscale="log", xlabel="gammaness")
    return _histograms(axes, events, events["gammaness"], np.linspace(0, 1, 41))


def _gammas(events: Columns) -> dict[str, Any]:
    chosen = events["mc_type"] == 0
    return {name: values[chosen] for name, values in events.items()}


def _theta2(axes: Any, events: Columns) -> bool:
    some = _gammas(events)
    angle = separation(some["reco_alt"], some["reco_az"], some["mc_alt"], some["mc_az"])
    axes.set(xlabel="θ² [deg²]")
    return _histograms(axes, some, np.degrees(angle) ** 2, np.linspace(0, 0.5, 51))


def _migration(axes: Any, events: Columns) -> bool:
    from matplotlib.colors import LogNorm

    some = _gammas(events)
    true, found = some["mc_energy"], some["reco_energy"]
    sound = np.isfinite(true) & np.isfinite(found) & (true > 0) & (found > 0)
    if not sound.any():
        return False
    edges = np.geomspace(0.01, 100, 41)
    counts, _, _ = np.histogram2d(true[sound], found[sound], (edges, edges))
    image = axes.pcolormesh(edges, edges, counts.T, norm=LogNorm(1, max(2, counts.max())))
    axes.figure.colorbar(image, label="events")
    axes.plot(edges, edges, color="0.5", lw=0.8)
    axes.set(xscale="log", yscale="log", xlabel="true energy [TeV]")
    axes.set(ylabel="reconstructed energy [TeV]")
    return True
