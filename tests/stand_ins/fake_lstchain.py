"""Stand-ins for the commands of lstchain, and for lstluigi's own scripts that need its models.

They write tiny files with just the nodes and HDUs by which lstluigi tells whole products from
broken ones, and they fail as the real ones were seen to fail: the text of a simtel file says how
its r0_to_dl1 goes, the environment variable STAND_IN_FAULTS (JSON, fault by command) says how the
other commands go. Nothing here computes anything.

The runner finds console scripts through package metadata and scripts by path. A job gets these
instead of the real ones when its environment puts two directories first on PYTHONPATH: this one,
whose ``sitecustomize`` calls `install`, and one that holds `ENTRY_POINTS` as the metadata of a
distribution named lstchain.
"""

from __future__ import annotations

import argparse
import glob
import gzip
import json
import os
import pickle
import runpy
import signal
import sys
import time
import zlib
from collections.abc import Callable
from typing import Any

PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
IMAGES = "/dl1/event/telescope/image/LST_LSTCam"
THROWN = "/simulation/thrown_event_distribution"
DL2_PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"
MODELS = ("reg_energy.sav", "reg_disp_norm.sav", "cls_disp_sign.sav", "cls_gh.sav")
FAULTS = "STAND_IN_FAULTS"


def fault_of(command: str) -> str:
    """How this command is to go wrong; empty if it is not."""
    return str(json.loads(os.environ.get(FAULTS, "{}")).get(command, ""))


def options(*names: tuple[str, ...]) -> argparse.Namespace:
    """The named options of the command line, whatever else stands there."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flags in names:
        parser.add_argument(*flags)
    return parser.parse_known_args()[0]


def write_table(h5: Any, path: str, rows: Any) -> None:
    """Write a table of an HDF5 file."""
    where, _, name = path.rpartition("/")
    h5.create_table(where, name, obj=rows, createparents=True)


def events(source: str, count: int) -> Any:
    """Rows that tell which file they come from."""
    import numpy as np

    rows = np.zeros(count, dtype=[("obs_id", "i8"), ("event_id", "i8")])
    rows["obs_id"] = zlib.crc32(os.path.basename(source).encode())
    rows["event_id"] = np.arange(count)
    return rows


def write_dl1(path: str, rows: Any, images: bool, whole: bool = True) -> None:
    """Write a DL1 file; one that is not whole lacks what lstchain writes last."""
    import tables

    with tables.open_file(path, "w") as h5:
        if len(rows):
            write_table(h5, PARAMETERS, rows)
            if images:
                write_table(h5, IMAGES, rows)
        if whole:
            write_table(h5, THROWN, events(path, 1))


def read_table(path: str, table: str) -> Any:
    """Rows of a table; None where there is none."""
    import tables

    with tables.open_file(path, "r") as h5:
        return h5.get_node(table).read() if table in h5 else None


def r0_to_dl1() -> int:
    """Do what the text of the simtel file says: a number of events, or a fault."""
    given = options(("-f",), ("-o",), ("-c",))
    with open(given.c, encoding="utf-8") as stream:
        json.load(stream)
    with (gzip.open if given.f.endswith(".gz") else open)(given.f, "rt") as stream:
        words = stream.read().split()
    name = os.path.basename(given.f).removesuffix(".gz").removesuffix(".zst")
    output = os.path.join(given.o, f"dl1_{name.removesuffix('.simtel')}.h5")
    if os.path.exists(output):
        print(f"{output} exists")
        return 1
    match words:
        case ["sleep", seconds, *words]:
            time.sleep(float(seconds))
        case ["wait", path, *words]:
            while not os.path.exists(path):
                time.sleep(0.1)
        case ["hold", megabytes, seconds, *words]:
            memory = bytearray(int(megabytes) << 20)
            time.sleep(float(seconds))
            del memory
    match words[0]:
        case "truncated":
            write_dl1(output, events(given.f, 3), images=True, whole=False)
            print("EOFError: the simtel file ends in the middle of an event")
            return 1
        case "partial":
            write_dl1(output, events(given.f, 3), images=True, whole=False)
        case "silent":
            pass
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case count:
            write_dl1(output, events(given.f, int(count)), images=True)
    return 0


def dl1ab() -> int:
    """Copy the parameters, and the images unless told otherwise."""
    given = options(("-f",), ("-o",), ("-c",))
    images = read_table(given.f, IMAGES)
    if images is None:
        print("no images to process")
        return 1
    write_dl1(given.o, read_table(given.f, PARAMETERS), images="--no-image" not in sys.argv)
    return 0


def tune_nsb() -> int:
    """Write the base config with noise that is as high as the data file is named."""
    given = options(("--config",), ("--input-mc",), ("--input-data",), ("-o",))
    with open(given.config, encoding="utf-8") as stream:
        content = json.load(stream)
    noise = float(os.path.basename(given.input_data).removesuffix(".h5"))
    if "waveform" in os.path.basename(sys.argv[0]):
        content["waveform_nsb_tuning"].update(nsb_tuning=True, nsb_tuning_rate_GHz=noise)
    else:
        names = ("dim_pixels", "bright_pixels")
        content["image_modifier"] = {
            **{f"extra_noise_in_{name}": noise for name in names},
            **{"increase_nsb": True, "extra_bias_in_dim_pixels": 0.0, "transition_charge": 8},
        }
    with open(given.o, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    return 0


def merge() -> int:
    """Merge the tables of the first file; what lacks the last is left out with a line alone."""
    import numpy as np
    import tables

    given = options(("-d",), ("-o",), ("-p", "--pattern"))
    files = sorted(glob.glob(os.path.join(given.d, given.pattern or "*.h5"), recursive=True))
    if not files:
        print("no files")
        return 1
    tables_there = [t for t in (PARAMETERS, THROWN) if read_table(files[0], t) is not None]
    merged: dict[str, list[Any]] = {table: [] for table in tables_there}
    for file in files:
        found = {table: read_table(file, table) for table in merged}
        if found.get(THROWN) is None:
            print(f"{file} is left out")
            continue
        for table, rows in found.items():
            merged[table] += [] if rows is None else [rows]
    if fault_of("lstchain_merge_hdf5_files") == "loses a file":
        merged[PARAMETERS].pop()
    with tables.open_file(given.o, "w") as h5:
        for table, rows in merged.items():
            write_table(h5, table, np.concatenate(rows))
        names = np.array([os.fsencode(file) for file in files])
        h5.create_array("/source_filenames", "filenames", names, createparents=True)
    return 0


def trainpipe() -> int:
    """Write four models."""
    given = options(("--fg",), ("--fp",), ("-o",), ("-c",))
    fault = fault_of("lstchain_mc_trainpipe")
    for name in MODELS[:3] if fault == "three models" else MODELS:
        with open(os.path.join(given.o, name), "wb") as stream:
            pickle.dump({"model": name, "gammas": given.fg, "protons": given.fp}, stream)
    return 0


def dl1_to_dl2() -> int:
    """Copy the parameters; an unreadable config ends in success without output."""
    import tables

    given = options(("-f",), ("-p",), ("-o",), ("-c",))
    if fault_of("lstchain_dl1_to_dl2") == "unreadable config":
        return 0
    if not all(os.path.exists(os.path.join(given.p, name)) for name in MODELS):
        print("FileNotFoundError: a model is missing")
        return 1
    name = os.path.basename(given.f).replace("dl1", "dl2", 1)
    with tables.open_file(os.path.join(given.o, name), "w") as h5:
        write_table(h5, DL2_PARAMETERS, read_table(given.f, PARAMETERS))
    return 0


def write_fits(path: str, names: tuple[str, ...]) -> None:
    """Write a FITS file with these HDUs."""
    import numpy as np
    from astropy.io import fits

    columns = {
        "EFFECTIVE AREA": ["EFFAREA"],
        "PSF": ["RPSF"],
        "ENERGY DISPERSION": ["MATRIX"],
        "BACKGROUND": ["BKG"],
        "SENSITIVITY": ["flux_sensitivity", "n_background"],
    }
    tables = [
        fits.BinTableHDU.from_columns(
            [fits.Column(c, "D", array=np.arange(3.0)) for c in columns.get(name, ["value"])],
            name=name,
        )
        for name in names
    ]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)


def create_irfs() -> int:
    """Write an IRF file."""
    given = options(("-g",), ("-p",), ("-e",), ("-o",), ("--config",))
    if fault_of("lstchain_create_irf_files") == "few events":
        raise IndexError("index 0 is out of bounds for axis 0 with size 0")
    write_fits(given.o, ("EFFECTIVE AREA", "ENERGY DISPERSION", "BACKGROUND", "PSF"))
    return 0


def write_png(path: str) -> None:
    """Write the beginning and the end of a PNG image."""
    with open(path, "wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\xaeB`\x82")


def sensitivity() -> None:
    """Write a sensitivity file and its plot."""
    given = options(("-g",), ("-p",), ("-e",), ("-o",), ("--plot",))
    write_fits(given.o, ("SENSITIVITY", "GH_CUTS", "ANGULAR_RESOLUTION"))
    write_png(given.plot)


def plot_importance() -> None:
    """Write a plot."""
    write_png(options(("--output",), ("--config",)).output)


def hiperta_to_dl1() -> None:
    """Write as many events as the text that HiPeRTA's stand-in has left says."""
    given = argparse.ArgumentParser()
    given.add_argument("input")
    given.add_argument("-o")
    words = given.parse_args()
    with open(words.input, encoding="utf-8") as stream:
        write_dl1(words.o, events(words.input, int(stream.read())), images=True)


COMMANDS: dict[str, Callable[[], int]] = {
    "lstchain_mc_r0_to_dl1": r0_to_dl1,
    "lstchain_dl1ab": dl1ab,
    "lstchain_tune_nsb": tune_nsb,
    "lstchain_tune_nsb_waveform": tune_nsb,
    "lstchain_merge_hdf5_files": merge,
    "lstchain_mc_trainpipe": trainpipe,
    "lstchain_dl1_to_dl2": dl1_to_dl2,
    "lstchain_create_irf_files": create_irfs,
}
SCRIPTS: dict[str, Callable[[], None]] = {
    "hiperta_to_dl1.py": hiperta_to_dl1,
    "sensitivity.py": sensitivity,
    "plot_importance.py": plot_importance,
}
ENTRY_POINTS = "[console_scripts]\n" + "".join(
    f"{name} = fake_lstchain:{function.__name__}\n" for name, function in COMMANDS.items()
)

run_path = runpy.run_path


def run_stand_in(path: str, **more: Any) -> dict[str, Any]:
    """Run a script by its path, or the one that stands in for it."""
    stand_in = SCRIPTS.get(os.path.basename(path))
    if stand_in is None:
        return run_path(path, **more)
    stand_in()
    return {}


def install() -> None:
    """Have the scripts of `SCRIPTS` replaced in this process."""
    runpy.run_path = run_stand_in  # type: ignore[assignment]
