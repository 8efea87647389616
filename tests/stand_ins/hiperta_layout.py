"""DL1 in the layout of HiPeRTA, made of toy events: ctapipe does what HiPeRTA would do.

The layout is the one of `docs/workflow-hiperta.md`. ctapipe-process reconstructs the events with
the thresholds of HiPeRTA's config; its nodes and columns then get the names of early ctapipe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tables
from numpy.lib import recfunctions

#: The image of an event: as lstchain's standard config has it.
EXTRACTOR = {"window_width": 8, "window_shift": 4}
OLD_COLUMNS = {
    "n_showers": "num_showers",
    "n_entries": "num_entries",
    "morphology_n_pixels": "morphology_num_pixels",
    "morphology_n_islands": "morphology_num_islands",
    "n_mirrors": "num_mirrors",
    "n_mirror_tiles": "num_mirror_tiles",
    "camera_name": "camera_type",
}
#: What early ctapipe did not have yet.
LATER = re.compile(
    r"run_number|camera_index|optics_index|effective_focal_length|size_type|reflector_shape"
    r"|true_starting_grammage|tels_with_trigger|\w+_uncertainty|timing_deviation"
    r"|morphology_n_(small|medium|large)_islands|(intensity|peak_time)_\w+|core_psi|is_valid"
)
IN_RADIANS = ("true_alt", "true_az", "hillas_phi", "hillas_psi")
OLD_NODES = {
    "/configuration/simulation/run": "",
    "/configuration/instrument/subarray/layout": "",
    "/configuration/instrument/telescope/optics": "",
    "/configuration/instrument/telescope/camera/geometry_LSTCam": "geometry_0",
    "/configuration/instrument/telescope/camera/readout_LSTCam": "readout_0",
    "/simulation/service/shower_distribution": "",
    "/simulation/event/subarray/shower": "",
    "/dl1/event/subarray/trigger": "",
    "/dl1/event/telescope/parameters/tel_001": "",
    "/dl1/event/telescope/images/tel_001": "",
}
#: Attributes of the instrument's tables that early ctapipe wrote, too.
KEPT_ATTRIBUTES = ("SUBARRAY", "PIX_ROT", "CAM_ROT", "NCHAN", "SAMPFREQ", "REFWIDTH")


def read_rta_config(path: Path) -> dict[str, str]:
    """Lines of the form `key = value;`."""
    return dict(re.findall(r"^\s*(\w+)\s*=\s*([^;\n]*?)\s*;", path.read_text(), re.MULTILINE))


def ctapipe_config(rta: Mapping[str, str]) -> dict[str, Any]:
    """A config of ctapipe-process for the cleaning of a config of HiPeRTA."""

    def everywhere(value: float) -> list[list[Any]]:
        return [["type", "*", value]]

    return {
        "DataWriter": {
            "Contact": {"name": "toy", "email": "toy@example.org", "organization": "lstluigi"},
            "write_dl1_images": True,
            "write_dl1_parameters": True,
            "transform_image": False,
            "transform_peak_time": False,
        },
        "EventSource": {"focal_length_choice": "EQUIVALENT", "allowed_tels": [1]},
        "CameraCalibrator": {
            "image_extractor_type": everywhere("LocalPeakWindowSum"),
            "LocalPeakWindowSum": {key: everywhere(value) for key, value in EXTRACTOR.items()},
            "apply_waveform_time_shift": False,
        },
        "ImageProcessor": {
            "use_telescope_frame": False,
            "image_cleaner_type": "TailcutsImageCleaner",
            "TailcutsImageCleaner": {
                "picture_threshold_pe": everywhere(float(rta["hillasThresholdCenter"])),
                "boundary_threshold_pe": everywhere(float(rta["hillasThresholdNeigbours"])),
                "min_picture_neighbors": everywhere(int(rta["minNumberNeighboursPixels"])),
            },
            "ImageQualityQuery": {
                "quality_criteria": [["any", "np.count_nonzero(image) > 0"]],
            },
        },
    }


def reconstruct(simtel: Path, made: Path, rta: Mapping[str, str]) -> None:
    """Run ctapipe-process in this process."""
    from ctapipe.core import run_tool
    from ctapipe.tools.process import ProcessorTool

    config = made.with_suffix(".json")
    config.write_text(json.dumps(ctapipe_config(rta)))
    words = ["-i", str(simtel), "-o", str(made), "-c", str(config), "--log-level", "ERROR"]
    run_tool(ProcessorTool(), words, cwd=made.parent, raises=True)


def rearrange(ctapipe: Path, made: Path, debug: bool, with_units: bool = False) -> None:
    """Write what ctapipe-process has made in the layout of HiPeRTA.

    Parameters
    ----------
    debug
        Whether the cleaning mask is written.
    with_units
        Whether angles are in degrees and attributes say the units, as early ctapipe does it; else
        they are in radians and nothing says so.
    """
    with tables.open_file(str(ctapipe)) as source, tables.open_file(str(made), "w") as out:
        pointing = source.get_node("/configuration/telescope/pointing/tel_001").read()[0]
        for path, other in OLD_NODES.items():
            where, _, name = path.rpartition("/")
            node = source.get_node(where, other or name)
            content, units = _old(node, with_units)
            if name == "run":
                direction = [[pointing[f"telescope_pointing_{x}"] for x in ("azimuth", "altitude")]]
                content = recfunctions.append_fields(
                    content, "run_array_direction", np.empty(1), usemask=False
                )
                content = _with(content, "run_array_direction", np.array(direction, dtype="f8"))
            if name == "tel_001" and "images" in path and not debug:
                content = recfunctions.drop_fields(content, "image_mask")
            table = out.create_table(where, name, obj=content, createparents=True)
            for column, unit in units.items():
                table.attrs[f"{column}_UNIT"] = unit
            for key in KEPT_ATTRIBUTES:
                if key in node.attrs:
                    table.attrs[key] = node.attrs[key]


def _with(content: np.ndarray, name: str, values: np.ndarray) -> np.ndarray:
    """A table with other values, of another shape, in one of its columns."""
    kinds = [
        (n, values.dtype, values.shape[1:]) if n == name else (n, content.dtype[n])
        for n in content.dtype.names
    ]
    made = np.empty(len(content), dtype=kinds)
    for column in content.dtype.names:
        made[column] = values if column == name else content[column]
    return made


def _old(node: tables.Table, with_units: bool) -> tuple[np.ndarray, dict[str, str]]:
    """A table with its old columns, and their units."""
    content = node.read()
    names = {c: c.removeprefix("camera_frame_") for c in content.dtype.names}
    kept = [c for c, name in names.items() if not LATER.fullmatch(name)]
    content = recfunctions.repack_fields(content[kept])
    new = [OLD_COLUMNS.get(names[c], names[c]) for c in kept]
    positions = {name: node.colnames.index(c) for name, c in zip(new, kept, strict=True)}
    content.dtype.names = tuple(new)
    units = {
        name: str(node.attrs[f"CTAFIELD_{position}_UNIT"])
        for name, position in positions.items()
        if f"CTAFIELD_{position}_UNIT" in node.attrs
    }
    if "time" in new:
        content = _with(content, "time", _mjd(content["time"]))
    if not with_units:
        for name in set(IN_RADIANS) & set(new):
            content[name] = np.radians(content[name])
    return content, units if with_units else {}


def _mjd(time: np.ndarray) -> np.ndarray:
    """Days from seconds (TAI) since 1970 and quarters of nanoseconds."""
    return 40587.0 + (time[:, 0] + time[:, 1] * 0.25e-9) / 86400.0
