"""Make DL1 of a file in which nothing has triggered: its thrown showers, and no event.

Runs inside a job. lstchain writes no distribution of thrown showers for such a simtel file, without
which it does not merge it, and its dl1ab wants images. The showers count all the same: without
them effective areas are too large.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import sys

GZIP, SIMTEL = b"\x1f\x8b", b"\x37\x8a\x1f\xd4"
ROWS = ("/dl1/event/telescope/parameters", "/dl1/event/subarray/trigger")


class ScriptError(Exception):
    """Something is wrong with what the script was given; the message is a sentence."""


def copy_dl1(source: str, output: str) -> None:
    """Copy DL1 without events.

    Raises
    ------
    ScriptError
        If it has events.
    """
    import tables

    with tables.open_file(source) as h5:
        for path in ROWS:
            node = h5.get_node(path) if path in h5 else None
            tables_in = (
                [node]
                if isinstance(node, tables.Table)
                else getattr(node, "_v_children", {}).values()
            )
            if any(getattr(table, "nrows", 0) for table in tables_in):
                raise ScriptError(f"{source} has events.")
    shutil.copyfile(source, output)


def refuse_others(path: str) -> None:
    """Refuse a gzip file with something else in it before packages are loaded, which takes long.

    Raises
    ------
    ScriptError
        If it is no simtel file.
    """
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP
    if packed:
        with gzip.open(path) as content:
            if content.read(4) not in (SIMTEL, SIMTEL[::-1]):
                raise ScriptError(f"{path} is no simtel file.")


def make_dl1(simtel: str, output: str, config_path: str | None) -> None:
    """Write what lstchain's DL1 says of a run, with the distribution of its thrown showers.

    Parameters
    ----------
    simtel
        DL0 of sim_telarray. It is read to its end, where the distribution is.
    output
        Path of an HDF5 file that is not there yet.
    config_path
        An lstchain config, by which telescopes are chosen; lstchain's standard if None.

    Raises
    ------
    ScriptError
        If a chosen telescope has events, or if it is no simtel file.
    """
    refuse_others(simtel)
    from ctapipe.io import EventSource
    from lstchain.io import (
        get_standard_config,
        global_metadata,
        read_configuration_file,
        replace_config,
        write_mcheader,
        write_metadata,
        write_simtel_energy_histogram,
    )
    from traitlets.config import Config

    own = {} if config_path is None else read_configuration_file(os.path.abspath(config_path))
    config = Config(replace_config(get_standard_config(), own)["source_config"])
    with EventSource(input_url=simtel, config=config) as source:
        if any(event.r1.tel for event in source):
            raise ScriptError(f"{simtel} has events.")
        metadata, (obs_id, *_) = global_metadata(), source.obs_ids
        write_metadata(metadata, output)
        source.subarray.to_hdf(output)
        run = source.simulation_config[obs_id]
        write_mcheader(run, output, obs_id=obs_id, metadata=metadata)
        write_simtel_energy_histogram(source, output, obs_id=obs_id, metadata=metadata)
    print(f"Nothing has triggered in {simtel}: its {run.n_showers} showers are kept.")


def main() -> None:
    """Read the command line, and choose by the kind of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", help="a simtel file, or DL1 (.h5)")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--config", help="an lstchain config")
    args = parser.parse_args()
    try:
        if args.input.endswith(".h5"):
            copy_dl1(args.input, args.output)
        else:
            make_dl1(args.input, args.output, args.config)
    except ScriptError as error:
        sys.exit(f"no_events.py: {error}")


if __name__ == "__main__":
    main()
