"""Run one chunk of items inside a job: commands in a scratch directory, check, publish.

Called as ``python runner.py SPEC.json [INDEX] [--die-with-parent[=PID]]`` with the python of the
job's environment (3.8 or later). Needs the standard library, and pytables or astropy only for the
checks that read HDF5 or FITS files.

Three kinds of processes, so that one bad file takes nobody along:

* the parent reads the spec, keeps the result file and imports nothing heavy;
* a worker does the first item and, in a warm chunk, stays as the ready-made image of a process
  that has imported and compiled everything;
* a child of the worker, forked from that image, does each of the other items.

Whoever does an item writes its outcome into a pipe to the parent; the worker adds the resources
used. An item without an outcome has crashed, and its wait status says how. A worker whose own
item fails is replaced, because a failure may leave open files and half-made state behind.
What items name under ``loads`` (models) stays in the worker's memory once joblib has loaded it, so
its children find it there. An item that memory does not suffice for then is done again without.
Commands run inside the process where they are Python, so their global state is put back between
items, and the global random generators get a seed for each product. Generators that a module makes
at import are the one thing the items of a warm chunk share.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import faulthandler
import functools
import gzip
import importlib.metadata
import json
import logging
import os
import random
import re
import resource
import runpy
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import warnings
import zlib
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, Set, TextIO

Json = Dict[str, Any]
Send = Callable[[Json], None]  # to the parent: start, doing, outcome and end of an item
Binder = Callable[[int], None]  # ties a new process to the life of its parent

FORMAT = 1
# The last one is what joblib takes for n_jobs=-1.
THREAD_LIMITS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS"),
    *("NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"),
)
VERSIONS_OF = ("lstchain", "ctapipe", "pyirf")
TAIL_LINES, TAIL_BYTES, LINE_LENGTH = 15, 65536, 500
# A message must fit into PIPE_BUF (4096 bytes) to be written whole by several processes.
REASON_LENGTH = 400
HEADER = "==== lstluigi:"
SCRATCH_ATTEMPTS = 5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
DISK_FULL, NO_MEMORY = "disk full", "out of memory"
PREPARATION = "preparation"
LITTLE_SPACE = 16_000_000  # bytes; with less, a failure is put down to the disk
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = tuple(os.strerror(code) for code in FULL)
EXCEPTION = re.compile(r"[\w.]+(Error|Exception): .")
# A traceback: one of its frames, and the line behind the last one.
FRAME = re.compile(r"\s+File \".+\", line \d+")
RAISED = re.compile(r"[A-Za-z_][\w.]*(: .+)?$")
# What tools of ctapipe log, or argparse prints, before they end with an exit code.
LOGGED = re.compile(r"(?:ERROR|CRITICAL) \[.*?\] \([\w.]+\): (?!Use --help|Caught SystemExit)(.+)")
REFUSED = re.compile(r"[\w-]+: error: (.+)")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class BadSpec(Exception):
    """The spec cannot be used; the message is one sentence."""


class Unsound(Exception):
    """A file fails its check; the message completes the sentence "FILE ..."."""


class Unreadable(Unsound):
    """A file cannot be read, so that nothing is known of its content."""


class ItemError(Exception):
    """An item ends here, without success."""

    def __init__(
        self,
        reason: str,
        rc: int | None = None,
        sig: str | None = None,
        bad_data: bool = False,
        error: BaseException | None = None,
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome("failed", reason, rc, sig, bad_data, cause_of(error))


def outcome(
    state: str,
    reason: str,
    rc: int | None = None,
    sig: str | None = None,
    bad_data: bool = False,
    cause: str | None = None,
) -> Json:
    """Return how an item ended, as the result file says it.

    With `bad_data` the item's data are to blame, not the job, its environment or a disk: it would
    end like this anywhere. The `cause` is what the machine lacked, if it did; it comes first in the
    reason.
    """
    reason = f"{cause}: {reason}" if cause else reason
    ending: Json = {"state": state, "reason": reason[:REASON_LENGTH], "rc": rc, "signal": sig}
    return {**ending, "bad_data": bad_data and not cause, "cause": cause}


def cause_of(error: BaseException | None) -> str | None:
    """Tell from an exception what the machine lacked."""
    if isinstance(error, MemoryError):
        return NO_MEMORY
    return DISK_FULL if isinstance(error, OSError) and error.errno in FULL else None


def os_reason(what: str, error: OSError) -> str:
    """Say what could not be done and why."""
    return f"{what}: {error.strerror or error}"


def signal_name(number: int) -> str:
    """Return the name of a signal, as in SIGKILL."""
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def now() -> str:
    """Return the time as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# ---- The spec --------------------------------------------------------------------------------


def need(condition: bool, sentence: str) -> None:
    """Raise BadSpec unless the condition holds."""
    if not condition:
        raise BadSpec(sentence)


def load_chunk(path: str, index: int) -> Json:
    """Read one chunk of a spec and look at everything in it before anything runs."""
    try:
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
    except (OSError, ValueError) as error:
        raise BadSpec(f"cannot be read: {error}") from None
    try:
        need(spec["format"] == FORMAT, f"is not of format {FORMAT}")
        chunks: list[Json] = spec["chunks"]
        need(0 <= index < len(chunks), f"has {len(chunks)} chunks, so there is no chunk {index}")
        validate_chunk(chunks[index], f"chunk {index}")
        return chunks[index]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadSpec(f"is not of the form of a spec ({error!r})") from None


def validate_chunk(chunk: Json, where: str) -> None:
    """Raise BadSpec where a chunk cannot be understood."""
    need(is_absolute(chunk["result"]), f"{where}: 'result' is not an absolute path")
    cpus = chunk["cpus"]
    need(isinstance(cpus, int) and cpus > 0, f"{where}: 'cpus' is not a positive number")
    for number, item in enumerate(chunk["items"]):
        validate_item(item, f"{where}, item {number} ({item['id']})")
    ids = {item["id"] for item in chunk["items"]}
    need(len(ids) == len(chunk["items"]), f"{where}: the id of an item is used twice")


def is_absolute(path: object) -> bool:
    """Say whether this is an absolute path."""
    return isinstance(path, str) and os.path.isabs(path)


def is_inside(path: object) -> bool:
    """Say whether this is a relative path that stays below where it starts."""
    return isinstance(path, str) and not os.path.isabs(path) and ".." not in path.split(os.sep)


def validate_item(item: Json, where: str) -> None:
    """Raise BadSpec where an item cannot be understood."""
    need(isinstance(item["id"], str), f"{where}: 'id' is not a string")
    for key in ("scratch", "log"):
        need(is_absolute(item[key]), f"{where}: '{key}' is not an absolute path")
    for command in item["commands"]:
        good = isinstance(command, list) and command and all(isinstance(x, str) for x in command)
        need(bool(good), f"{where}: a command is not a list of strings: {command!r}")
    for source, link in item.get("links", []):
        need(is_absolute(source) and is_inside(link), f"{where}: bad link {link!r} to {source!r}")
    for path, check in item.get("verify", []):
        need(is_absolute(path), f"{where}: bad input to verify {path!r}")
        validate_check(check, where)
    for path in item.get("loads", []):
        need(is_absolute(path), f"{where}: bad file to load {path!r}")
    scratch = os.path.normpath(item["scratch"]) + os.sep
    for product in item["products"]:
        made, final = product["made"], product["final"]
        need(is_inside(made), f"{where}: bad 'made' {made!r}")
        need(is_absolute(final), f"{where}: bad 'final' {final!r}")
        # The scratch directory is emptied: nothing that lasts may be inside.
        need(not final.startswith(scratch), f"{where}: {final} is inside the scratch directory")
        validate_check(product["check"], where)


def validate_check(check: Json, where: str) -> None:
    """Raise BadSpec for a check nobody knows."""
    for key in dict(check):
        need(key in CHECKS or key in HDF5_KEYS, f"{where}: unknown check {key!r}")


# ---- Checks: is a file whole? ----------------------------------------------------------------


def check_file(path: str, check: Json) -> str | None:
    """Check one file by its content.

    Returns
    -------
    str or None
        Why the file counts as empty: whole, but without a single row where some are wanted.

    Raises
    ------
    Unsound
        If the file is missing, truncated, unreadable, or without something it should hold.
    """
    if not os.path.lexists(path):
        raise Unsound("is missing")
    try:
        with open(path, "rb") as file:
            if not file.read(1):
                raise Unsound("has no content")
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    for key, function in CHECKS.items():
        if key in check:
            function(path, check[key])
    return check_hdf5(path, check) if any(key in check for key in HDF5_KEYS) else None


def check_png(path: str, wanted: object) -> None:
    """Look for the signature and the closing chunk of a PNG image."""
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(max(0, os.path.getsize(path) - 12))
        end = file.read()
    if start != b"\x89PNG\r\n\x1a\n" or end[4:8] != b"IEND":
        raise Unsound("is not a whole PNG image")


def check_joblib(path: str, wanted: object) -> None:
    """Look at both ends of a joblib file without loading it (models can be tens of GB).

    The magic numbers are those of pickle (protocol 2 and later), zlib, gzip, bz2, xz, lzma, lz4.
    """
    magics = (b"\x80", b"\x78", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"]\x00", b"\x04\x22\x4d\x18")
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(-1, os.SEEK_END)
        end = file.read()
    if not start.startswith(magics):
        raise Unsound("is no joblib file")
    if start.startswith(b"\x80") and end != b".":  # the STOP opcode of pickle
        raise Unsound("is a truncated joblib file")


def check_json(path: str, keys: list[str]) -> None:
    """Look for keys, `section.key`, of a JSON object (a bare Infinity is lstchain's)."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (ValueError, RecursionError):
        raise Unsound("is not JSON") from None
    if not isinstance(content, dict):
        raise Unsound("does not hold a JSON object")
    for key in keys:
        found: object = content
        for name in key.split("."):
            if not isinstance(found, dict) or name not in found:
                raise Unsound(f"lacks {key}")
            found = found[name]


def check_simtel(path: str, wanted: object) -> None:
    """Look for a file of another kind; whether it is whole, the command that reads it tells."""
    if kind_of(path) not in (SIMTEL, None):
        raise Unsound("is no simtel file")


def check_true_images(path: str, wanted: object) -> None:
    """Look for photoelectrons beside the first event of DL0.

    What ends too early is told by the command that reads it to its end.
    """
    check_simtel(path, wanted)
    try:
        from eventio import EventIOFile
        from eventio.iact import PhotoElectrons, TelescopeData
        from eventio.simtel import ArrayEvent

        events = 0
        with EventIOFile(path) as file:
            for thing in file:
                inside = thing if isinstance(thing, TelescopeData) else ()
                if any(isinstance(inner, PhotoElectrons) for inner in inside):
                    return
                events += isinstance(thing, ArrayEvent)
                if events > 1:  # they stand before or behind the event that they belong to
                    break
    except Exception:
        return
    raise Unsound("has no true images (the photoelectrons that sim_telarray may write)")


def check_fits(path: str, names: list[str]) -> None:
    """Look for HDUs by name, and for data that end where the headers say."""
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # truncation is measured below
            with fits.open(path) as hdus:
                infos = {hdu.name: hdu.fileinfo() for hdu in hdus}
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with (gzip.open if zipped else open)(path, "rb") as file:
            size = sum(map(len, iter(lambda: file.read(1 << 20), b"")))
    except Exception as error:  # whatever astropy and zlib say about a damaged file
        raise Unsound(f"cannot be read as FITS ({type(error).__name__})") from None
    for name in names:
        if name.upper() not in infos:
            raise Unsound(f"has no HDU '{name}'")
    if size < max(info["datLoc"] + info["datSpan"] for info in infos.values()):
        raise Unsound("is a truncated FITS file")


CHECKS: dict[str, Callable[[str, Any], None]] = {
    "file": lambda path, wanted: None,  # some content is enough, and has been seen
    "link": lambda path, wanted: None,
    "png": check_png,
    "joblib": check_joblib,
    "fits": check_fits,
    "json": check_json,
    "simtel": check_simtel,
    "true_images": check_true_images,
}
HDF5_KEYS = ("hdf5", "absent", "attributes", "nonempty", "full", "sum_of", "sum_of_links")
SOURCES = "/source_filenames/filenames"  # lstchain lists here what it merged


def check_hdf5(path: str, check: Json) -> str | None:
    """Look for the nodes of an HDF5 file; see check_file."""
    with open_hdf5(path) as h5:
        empty = [table for table in check.get("nonempty", []) if not rows(h5, table)]
        for node in check.get("hdf5", []):
            if node not in h5:
                # lstchain writes nothing at the end of a file in which no event has triggered
                and_why = f", and has no rows in {empty[0]}" if empty and empty[0] != node else ""
                raise Unsound(f"lacks {node}{and_why}")
        for node in check.get("absent", []):
            if node in h5:
                raise Unsound(f"still has {node}")
        for name in check.get("attributes", []):
            if name not in h5.root._v_attrs:
                raise Unsound(f"lacks the attribute {name!r}")
        for group, table in check.get("full", {}).items():
            check_full(h5, group, table)
    if "sum_of" in check:
        check_sum(path, **check["sum_of"])
    return f"has no rows in {empty[0]}" if empty else None


@contextmanager
def open_hdf5(path: str) -> Iterator[Any]:
    """Open an HDF5 file for reading; a handle that a command left open would forbid it."""
    import tables

    close_hdf5()
    try:
        h5 = tables.open_file(path, "r")
    except Exception as error:
        truncated = "truncated file" in str(error)
        raise Unsound("is truncated" if truncated else "is damaged or no HDF5 file") from None
    with h5:
        yield h5


def close_hdf5() -> None:
    """Close the files that a command left open in this process."""
    handles = getattr(sys.modules.get("tables.file"), "_open_files", None)
    if handles is not None:
        handles.close_all()


def rows(h5: Any, node: str) -> int:
    """Count the rows of a table; a table that is not there has none."""
    return int(h5.get_node(node).nrows) if node in h5 else 0


def check_full(h5: Any, group: str, table: str) -> None:
    """Look for tables below a group that are shorter than another one: they were not finished."""
    wanted = rows(h5, table)
    for found in h5.walk_nodes(group, "Table"):
        if found.nrows < wanted:
            path = found._v_pathname
            raise Unsound(f"has {found.nrows} rows in {path}, and {wanted} in {table}")


def check_sum(path: str, tables: list[str], inputs: list[str]) -> None:
    """Compare the rows of a merged file with those of what was to be merged.

    The merging command leaves out files it does not like and still succeeds.
    """
    expected = dict.fromkeys(tables, 0)
    for name in inputs:
        try:
            check_file(name, {"file": True})
            with open_hdf5(name) as h5:
                for node in tables:
                    expected[node] += rows(h5, node)
        except Unsound as error:
            raise Unsound(f"cannot be compared with its input {name}, which {error}") from None
    with open_hdf5(path) as h5:
        found = {node: rows(h5, node) for node in tables}
        merged = {os.fsdecode(name) for name in h5.get_node(SOURCES)} if SOURCES in h5 else None
    left_out = [] if merged is None else missing_files(inputs, merged)
    for node in tables:
        if found[node] != expected[node]:
            which = f"; left out: {', '.join(left_out[:5])}" if left_out else ""
            raise Unsound(f"has {found[node]} rows in {node}, its inputs {expected[node]}{which}")


def missing_files(wanted: list[str], names: set[str]) -> list[str]:
    """Return those files that none of the names leads to, by inode: names may be links."""

    def inode(path: str) -> tuple[int, int]:
        status = os.stat(path)
        return status.st_dev, status.st_ino

    there = {inode(name) for name in names if os.path.exists(name)}
    return [path for path in wanted if inode(path) not in there]


# ---- Kinds of files, for messages ------------------------------------------------------------

SIMTEL, FITS, MODEL, TEXT, HDF5 = "a simtel file", "a FITS file", "a model", "text", "HDF5"
MAGIC = {
    b"\x37\x8a\x1f\xd4": SIMTEL,
    b"\xd4\x1f\x8a\x37": SIMTEL,
    b"SIMPLE  =": FITS,
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"\x80": MODEL,  # a pickle
}
LEVELS = ("DL2", "DL1")  # DL2 may hold tables of DL1
WANTED = {"simtel": SIMTEL, "true_images": SIMTEL, "fits": FITS, "joblib": MODEL, "json": "JSON"}
PEEK = 512


def kind_of(path: str) -> str | None:
    """Say what kind of file this is, as far as its beginning tells."""
    try:
        with open(path, "rb") as file:
            start = file.read(PEEK)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unzipped:
                return by_magic(unzipped.read(PEEK))
    except (OSError, EOFError, zlib.error):
        return None
    kind = by_magic(start)
    if kind == HDF5:
        return level_of(path)
    return TEXT if kind is None and is_text(start) else kind


def by_magic(start: bytes) -> str | None:
    """Tell a kind by the first bytes."""
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


def is_text(start: bytes) -> bool:
    """Say whether the first bytes are printable text of any encoding with ASCII in it."""
    return bool(start) and not any(byte < 32 and byte not in b"\t\n\r\f" for byte in start)


def level_of(path: str) -> str | None:
    """Say of which level the events of an HDF5 file are; nothing of a damaged one."""
    try:
        with open_hdf5(path) as h5:
            there = (level for level in LEVELS if f"/{level.lower()}/event" in h5)
            return next(there, HDF5)
    except (Unsound, ImportError):
        return None


def wanted_kind(check: Json) -> str | None:
    """Say what kind of file a check is for."""
    if any(key in check for key in HDF5_KEYS):
        nodes = [*check.get("hdf5", []), *check.get("nonempty", [])]
        found = (x for x in LEVELS if any(node.startswith(f"/{x.lower()}/") for node in nodes))
        return next(found, HDF5)
    return next((kind for key, kind in WANTED.items() if key in check), None)


def another_kind(path: str, check: Json) -> str | None:
    """Say so where an input is not of the kind that a check is for."""
    found, wanted = kind_of(path), wanted_kind(check)
    # JSON is text, and HDF5 without events may be what a command left of DL1
    alike = found == wanted or (found, wanted) == (TEXT, "JSON")
    if None in (found, wanted) or alike or (found == HDF5 and wanted in LEVELS):
        return None
    return f"input {path} is {found}, and {wanted} is wanted"


# ---- Commands --------------------------------------------------------------------------------


def run_command(argv: list[str], bind: Binder) -> None:
    """Run one command with the current directory and streams; raise ItemError if it fails.

    A Python script or a console script of this environment runs inside this process; anything
    else is a process of its own.
    """
    name = os.path.basename(argv[0])
    if argv[0].endswith(".py"):
        if not os.path.isfile(argv[0]):
            raise ItemError(f"the script {argv[0]} is not there")
        call_here(name, lambda: run_script(argv[0]), argv)
    elif argv[0] in console_scripts():
        entry_point = console_scripts()[argv[0]]
        call_here(name, lambda: entry_point.load()(), argv)
    else:
        call_outside(name, argv, bind)


def run_script(path: str) -> None:
    """Run a Python script as the interpreter would."""
    runpy.run_path(path, run_name="__main__")


@functools.lru_cache(maxsize=None)
def console_scripts() -> dict[str, Any]:
    """Return the console scripts of this environment by name."""
    found: Any = importlib.metadata.entry_points()
    group = "console_scripts"
    # Before Python 3.10 the answer was a dictionary of lists.
    chosen = found.select(group=group) if hasattr(found, "select") else found.get(group, [])
    return {entry_point.name: entry_point for entry_point in chosen}


def call_here(name: str, function: Callable[[], object], argv: list[str]) -> None:
    """Call a function as a command line would, sys.exit included."""
    sys.argv = list(argv)
    try:
        code = exit_code(function)
    except BaseException as error:
        print_traceback(error)
        raise ItemError(describe(name, error), rc=1, bad_data=True, error=error) from None
    finally:
        tidy_up()
    if code:
        raise ItemError(f"{name} ended with exit code {code}", rc=code, bad_data=True)


def print_traceback(error: BaseException) -> None:
    """Print a traceback that begins in the command: the tail of a log is short."""
    begin = error.__traceback__
    ours = (__file__, runpy.__file__, "<frozen runpy>")
    while begin and begin.tb_next and begin.tb_frame.f_code.co_filename in ours:
        begin = begin.tb_next
    traceback.print_exception(type(error), error, begin)


def exit_code(function: Callable[[], object]) -> int:
    """Return the exit code that a console script with this function would have."""
    try:
        code = function()
    except SystemExit as stop:
        code = stop.code
    if code is None or isinstance(code, int):
        return int(code or 0)
    print(code, file=sys.stderr)
    return 1


def describe(name: str, error: BaseException) -> str:
    """Put an exception of a command into one sentence."""
    if isinstance(error, MemoryError):
        return f"MemoryError in {name}"
    if isinstance(error, OSError) and cause_of(error):
        return os_reason(name, error)
    message = (str(error).strip().splitlines() or [""])[0]
    return f"{name} failed with {type(error).__name__}: {message}"


def tidy_up() -> None:
    """Put back the global state that commands leave behind."""
    for handler in list(logging.root.handlers):
        logging.root.removeHandler(handler)
        handler.close()
    with suppress(Exception):  # a file on a full disk cannot be closed; its check will tell
        close_hdf5()
    provenance = getattr(sys.modules.get("ctapipe.core"), "Provenance", None)
    if provenance is not None:  # one log for all activities of the process
        provenance().clear()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def call_outside(name: str, argv: list[str], bind: Binder) -> None:
    """Run an executable and wait for it."""
    # The environment's own commands, also where its python is called without activation.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
    executable = shutil.which(argv[0], path=path)
    if executable is None:
        raise ItemError(f"{argv[0]} is not in this environment ({sys.prefix})", rc=127)
    try:
        process = subprocess.Popen(
            argv,
            executable=executable,
            stdin=subprocess.DEVNULL,
            preexec_fn=functools.partial(bind, os.getpid()),
        )
    except OSError as error:
        reason = os_reason(f"{name} could not be started", error)
        raise ItemError(reason, rc=126, error=error) from None
    code = process.wait()
    if code < 0:
        raise ItemError(killed_by(-code, name), sig=signal_name(-code))
    if code:
        raise ItemError(f"{name} ended with exit code {code}", rc=code, bad_data=True)


def killed_by(number: int, what: str) -> str:
    """Say which signal ended what."""
    verb = "stopped" if number in STOP_SIGNALS else "killed"
    guess = ", most likely for memory" if number == signal.SIGKILL else ""
    return f"{verb} by {signal_name(number)}{guess} (in {what})"


# ---- One item --------------------------------------------------------------------------------


def all_there(item: Json) -> bool:
    """Say whether another attempt has published every product of an item."""
    products = item["products"]
    return bool(products) and all(os.path.exists(product["final"]) for product in products)


def perform(item: Json, send: Send, bind: Binder) -> str:
    """Do one item in this process, send its outcome and return its state."""
    try:
        with output_to(item["log"]):
            ending = do_item(item, send, bind)
    except ItemError as error:
        ending = error.outcome
    except Exception as error:  # whatever happens, the others go on
        ending = outcome("failed", describe("the runner", error), cause=cause_of(error))
    os.chdir("/")  # out of the scratch directory, which is going to be removed
    send({"event": "outcome", "id": item["id"], **ending})
    return str(ending["state"])


@contextmanager
def output_to(log: str) -> Iterator[None]:
    """Send stdout and stderr, also those of C code and of child processes, to the end of a file."""
    try:
        os.makedirs(os.path.dirname(log), exist_ok=True)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise ItemError(os_reason(f"cannot write the log {log}", error), error=error) from None
    kept = [os.dup(stream) for stream in (1, 2)]
    try:
        for stream in (1, 2):
            os.dup2(target, stream)
        os.close(target)
        yield
    finally:
        for stream, copy in enumerate(kept, start=1):
            os.dup2(copy, stream)
            os.close(copy)


def do_item(item: Json, send: Send, bind: Binder) -> Json:
    """Prepare, run, check, publish; raise ItemError where one of them fails."""
    print(f"{HEADER} {now()} {socket.gethostname()} pid {os.getpid()} {item['id']}", flush=True)
    make_scratch(item["scratch"])
    os.chdir(item["scratch"])
    for source, link in item.get("links", []):
        make_link(source, link)
    for path, check in item.get("verify", []):
        verify_input(path, check)
    if item["commands"] and item["products"]:
        seed(item["products"][0]["final"])
    try:
        for argv in item["commands"]:
            print("$ " + " ".join(shlex.quote(word) for word in argv), flush=True)
            send({"event": "doing", "id": item["id"], "what": os.path.basename(argv[0])})
            run_command(argv, bind)
        send({"event": "doing", "id": item["id"], "what": "the check of the products"})
        links = [link for _, link in item.get("links", [])]
        checked = [check_product(product, links) for product in item["products"]]
    except ItemError as error:
        blame_inputs(item, error)
        raise
    empty = [reason for reason in checked if reason]
    if empty:
        return outcome("empty", empty[0], rc=0, bad_data=True)
    if all_there(item):  # an attempt that was given up has been first: models are not mixed
        return outcome("ok", "already there", rc=0)
    events = count_events(item["products"])
    for product in item["products"]:
        publish(product["made"], product["final"], sync="link" not in product["check"])
    return {**outcome("ok", "", rc=0), "events": events}


def seed_of(final: str) -> int:
    """Seed of what a product is made with, by the names of its directory and its file."""
    return zlib.crc32(os.sep.join(final.split(os.sep)[-2:]).encode("utf-8", "surrogateescape"))


def seed(final: str) -> None:
    """Give the global random generators a seed of the product's own.

    lstchain draws from numpy's without one: a product made again, or elsewhere, would differ, and
    without another seed for each the forks of a warm process would all draw the same.
    """
    number = seed_of(final)
    print("# seed of random numbers: %d" % number, flush=True)
    random.seed(number)
    with suppress(ImportError):
        import numpy

        numpy.random.seed(number)


def make_scratch(path: str) -> None:
    """Make an empty scratch directory."""
    try:
        if os.path.lexists(path):
            shutil.rmtree(path)
        for _ in range(SCRATCH_ATTEMPTS):
            with suppress(FileNotFoundError):  # a neighbour has just removed the empty parent
                os.makedirs(path)
                return
        os.makedirs(path)
    except OSError as error:
        reason = os_reason(f"cannot make the scratch directory {path}", error)
        raise ItemError(reason, error=error) from None


def make_link(source: str, link: str) -> None:
    """Make a hard link, or a symbolic one where the file systems or their rules forbid it."""
    if not os.path.isfile(source):
        raise ItemError(f"input {source} is missing")
    source = os.path.realpath(source)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(link)), exist_ok=True)
        try:
            os.link(source, link)
        except OSError:
            os.symlink(source, link)
    except OSError as error:
        reason = os_reason(f"cannot link {link} to {source}", error)
        raise ItemError(reason, error=error) from None


def verify_input(path: str, check: Json) -> None:
    """Check a file that this production did not make; a file without rows is whole."""
    try:
        os.stat(path)
        check_file(path, check)
    except FileNotFoundError:
        reason = f"input {path} is missing"
        raise ItemError(reason, bad_data=has_files(os.path.dirname(path))) from None
    except OSError as error:
        raise ItemError(os_reason(f"input {path} cannot be read", error), error=error) from None
    except Unsound as error:
        readable = not isinstance(error, Unreadable)
        other = another_kind(path, check) if readable else None
        reason = other or f"input {path} is not whole: it {error}"
        raise ItemError(reason, bad_data=readable) from None


def has_files(directory: str) -> bool:
    """Say whether a directory is there and holds anything.

    Else it was purged, or its file system is away, and no file in it is to blame.
    """
    with suppress(OSError):
        return bool(os.listdir(directory))
    return False


def blame_inputs(item: Json, error: ItemError) -> None:
    """Name an input of a command that has failed, if it is truncated or cannot be read.

    Commands stumble over its end in ways that do not tell, or take it for whole. Reading it through
    takes too long to be done where all is well.
    """
    rc, sig, bad_data = (error.outcome[key] for key in ("rc", "signal", "bad_data"))
    for path, _ in item.get("verify", []):
        try:
            if is_cut(path):
                sentence = f"input {path} is truncated or damaged"
                raise ItemError(sentence, rc, sig, bad_data) from None
        except OSError as unread:
            reason = os_reason(f"input {path} cannot be read", unread)
            raise ItemError(reason, rc, sig, error=unread) from None


def is_cut(path: str) -> bool:
    """Say whether a gzip file (DL0) or a zlib file (models) cannot be read to its end."""
    either = zlib.MAX_WBITS | 32  # the format is told by the header
    stream = zlib.decompressobj(either)
    try:
        with open(path, "rb") as file:
            block = file.read(1 << 20)
            if not block.startswith((b"\x1f\x8b", b"\x78")):
                return False
            while block:
                stream.decompress(block)
                block = stream.unused_data or file.read(1 << 20)
                if stream.eof and block:  # a gzip file may have several members
                    stream = zlib.decompressobj(either)
    except zlib.error:
        return True
    return not stream.eof


def check_product(product: Json, links: list[str]) -> str | None:
    """Check what a command made; return why it is empty, if so."""
    made, check = product["made"], product["check"]
    if "sum_of_links" in check:
        check = {**check, "sum_of": {"tables": check["sum_of_links"], "inputs": links}}
    if not os.path.lexists(made):
        raise ItemError(f"{made} was not made", rc=0, bad_data=True)
    try:
        empty = check_file(made, check)
    except Unsound as error:
        raise ItemError(f"{made} {error}", rc=0, bad_data=True) from None
    return f"{made} {empty}" if empty else None


def count_events(products: list[Json]) -> int | None:
    """Count the rows of the table of events of products; None where none has such a table."""
    tables = [
        (p["made"], p["check"]["nonempty"][0]) for p in products if p["check"].get("nonempty")
    ]
    found = None
    for made, table in tables:
        with open_hdf5(made) as h5:
            found = (found or 0) + rows(h5, table)
    return found


def publish(made: str, final: str, sync: bool) -> None:
    """Move a checked file to its final path, whole or not at all."""
    try:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        if sync:
            flush_to_disk(made)
        try:
            os.replace(made, final)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            copy_beside(made, final)
    except OSError as error:
        raise ItemError(os_reason(f"cannot publish {final}", error), rc=0, error=error) from None


def copy_beside(made: str, final: str) -> None:
    """Bring a file from another file system; what is half copied never bears the final name."""
    half = half_name(final)
    try:
        shutil.copy(made, half, follow_symlinks=False)
        if not os.path.islink(half):
            flush_to_disk(half)
        os.replace(half, final)
    except OSError:
        with suppress(OSError):
            os.remove(half)
        raise


def half_name(path: str) -> str:
    """Return a name beside a path, hidden and this process's own, for what is not whole yet."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{socket.gethostname()}.{os.getpid()}")


def flush_to_disk(path: str) -> None:
    """Wait until the content of a file is on disk: only then may a rename make it visible."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


# ---- Processes -------------------------------------------------------------------------------


def binder(wanted: bool) -> Binder:
    """Return what ties a process to its parent: it is killed when the parent dies, however.

    Linux only (``prctl``, PR_SET_PDEATHSIG = 1); elsewhere, or unwanted, it does nothing.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if wanted else None

    def bind(parent: int) -> None:
        if prctl is not None:
            prctl(1, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # it died before the call
                os._exit(1)

    return bind


def usage_record(*usages: resource.struct_rusage) -> Json:
    """Sum up CPU time (s) and take the peak memory (MB); Linux counts it in kB."""
    return {
        "cpu_s": round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 3),
        "max_rss_mb": round(max(usage.ru_maxrss for usage in usages) / 1024, 1),
    }


def worker(items: list[Json], loads: Set[str], send: Send, bind: Binder) -> None:
    """Do the first item in this process and the others in forks of it."""
    faulthandler.enable()  # a crash in C code leaves its Python lines in the item's log
    if loads:
        load_once(loads)
    warm = False
    for item in items:
        if all_there(item):
            send({"event": "outcome", "id": item["id"], **outcome("ok", "already there")})
            send({"event": "end", "id": item["id"], "status": 0, "cpu_s": 0, "max_rss_mb": 0})
            continue
        send({"event": "start", "id": item["id"], "warm_up": not warm})
        if warm:
            send({"event": "end", "id": item["id"], **perform_in_fork(item, send, bind)})
            continue
        state = perform(item, send, bind)
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        send({"event": "end", "id": item["id"], "status": 0, **usage_record(*usages)})
        if state == "failed":
            return
        warm = True


def load_once(files: Set[str]) -> None:
    """Have joblib load each of these files once for this process and its future forks.

    Forks share the memory of what was loaded before them, as long as nobody writes to it.
    """
    try:
        import joblib
    except ImportError:  # then no command here loads anything with it
        return
    load = joblib.load
    wanted = set(map(os.path.realpath, files))
    loaded: Json = {}

    @functools.wraps(load)
    def load_or_remember(filename: Any, *args: Any, **options: Any) -> Any:
        named = isinstance(filename, (str, bytes, os.PathLike))
        path = os.path.realpath(os.fsdecode(filename)) if named else ""
        if path not in wanted or args or options:
            return load(filename, *args, **options)
        if path not in loaded:
            loaded[path] = load(filename)
        else:
            print(f"# in memory already: {path}", flush=True)
        return loaded[path]

    joblib.load = load_or_remember


def perform_in_fork(item: Json, send: Send, bind: Binder) -> Json:
    """Do one item in a fork of this process; return its wait status and resources."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            bind(parent)
            perform(item, send, bind)
        finally:
            os._exit(0)
    _, status, usage = os.wait4(pid, 0)
    return {"status": status, **usage_record(usage)}


# ---- The parent: results ---------------------------------------------------------------------


def write_atomically(path: str, content: Json, sync: bool) -> None:
    """Replace a JSON file; a reader sees the old one or the new one, each whole."""
    half = half_name(path)
    with open(half, "w", encoding="utf-8") as file:
        json.dump(content, file)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.replace(half, path)


def versions() -> dict[str, str]:
    """Return the versions of what determines the content of products."""
    found = {"python": sys.version.split()[0]}
    for name in VERSIONS_OF:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def last_lines(log: str) -> list[str]:
    """Return the end of what the latest attempt wrote into a log."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = COLOURS.sub("", text[max(0, text.rfind(HEADER)) :]).splitlines()
    return [line[:LINE_LENGTH] for line in lines if line.strip()][-TAIL_LINES:]


def refined(ending: Json, tail: list[str], scratch: str) -> Json:
    """Name a full disk, lack of memory or an exception where a failed item does not.

    Commands print them and exit with 1; HDF5 under pytables does not even print a full disk.
    """
    if ending["cause"]:
        return ending
    reason, text = ending["reason"], "\n".join(tail)
    for kind, words in ((DISK_FULL, FULL_WORDS), (NO_MEMORY, ("MemoryError",))):
        for word in words:
            if word in text:
                return lacking(ending, kind, word)
    with suppress(OSError):
        disk = os.statvfs(scratch)
        left = disk.f_bavail * disk.f_frsize
        if left < LITTLE_SPACE or disk.f_favail == 0 < disk.f_files:
            return lacking(ending, DISK_FULL, f"{left / 1e6:.1f} MB left in {scratch}")
    told = last_word(tail) if "exit code" in reason else None
    return {**ending, "reason": f"{reason}: {told}"} if told else ending


def lacking(ending: Json, cause: str, why: str) -> Json:
    """Put a failure down to what the machine lacked."""
    reason = f"{cause}: {ending['reason']} ({why})"
    return {**ending, "reason": reason, "bad_data": False, "cause": cause}


def exception_of(tail: list[str]) -> str | None:
    """Return the line that names the exception of a traceback; its name may be any."""
    frames = [number for number, line in enumerate(tail) if FRAME.match(line)]
    if frames:
        behind = (line for line in tail[frames[-1] + 1 :] if RAISED.match(line))
        return next(behind, None)
    return tail[-1] if tail and EXCEPTION.match(tail[-1]) else None


def last_word(tail: list[str]) -> str | None:
    """Return what a command said before it ended with an exit code, if it can be told."""
    raised = exception_of(tail)
    if raised:  # tools of ctapipe log what ends them and exit with 1
        return raised
    said = [LOGGED.search(line) or REFUSED.match(line) for line in tail]
    return next((match[1] for match in reversed(said) if match), None)


# ---- The parent: one chunk -------------------------------------------------------------------


def lacks_memory(ending: Json) -> bool:
    """Say whether an item has most likely failed for memory."""
    return bool(ending["signal"] == "SIGKILL" or ending["cause"] == NO_MEMORY)


def open_log(path: str | None) -> TextIO:
    """Open the log of the chunk; where there is none, stderr has to do."""
    if path:
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return open(path, "a", encoding="utf-8")
    return sys.stderr


class Chunk:
    """Do the items of a chunk with as many workers as it takes, and keep the result file.

    Attributes
    ----------
    result
        What the result file holds.
    stopped
        The number of the signal that stopped the run, or 0.
    """

    def __init__(self, spec: Json, index: int, bind: Binder) -> None:
        self.spec = spec
        self.bind = bind
        self.stopped = 0
        self._worker = 0  # process id, and id of its process group
        self._open: Json | None = None  # the item being done
        self._since = 0.0
        self._doing = PREPARATION
        self._outcome: Json | None = None  # what was said about it
        self._may_keep = True  # what a worker has loaded, for its forks
        self._kept: Set[str] = set()  # by the present worker
        self._log = open_log(spec.get("log"))
        self.result: Json = {"format": FORMAT, "host": socket.gethostname(), "pid": os.getpid()}
        self.result.update(python=sys.executable, versions=versions(), array_index=index)
        job = os.environ.get("SLURM_ARRAY_JOB_ID") or os.environ.get("SLURM_JOB_ID")
        self.result.update(slurm_job=job, started=now(), ended=None, finished=False, items={})

    def run(self) -> int:
        """Do every item and return the exit code of the runner."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        os.makedirs(os.path.dirname(self.spec["result"]), exist_ok=True)
        self._write(sync=True)
        left = list(self.spec["items"])
        while left and not self.stopped:
            self._employ(left if self.spec.get("warm") else left[:1])
            left = [item for item in left if item["id"] not in self.result["items"]]
        self.result.update(ended=now(), finished=not left)
        self._write(sync=True)
        if self.stopped:
            return 128 + self.stopped
        return int(any(record["state"] != "ok" for record in self.result["items"].values()))

    def _write(self, sync: bool) -> None:
        write_atomically(self.spec["result"], self.result, sync)

    def _stop(self, number: int, frame: object) -> None:
        self.stopped = number
        self._kill_worker()

    def _kill_worker(self) -> None:
        if self._worker:
            with suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGKILL)

    def _employ(self, items: list[Json]) -> None:
        """Run one worker to its end, and close the item that it left open, if it did."""
        source, sink = os.pipe()
        parent = os.getpid()
        keep = self._may_keep and len(items) > 1
        self._kept = {path for item in items for path in item.get("loads", []) if keep}
        pid = os.fork()
        if pid == 0:
            work(items, self._kept, parent, source, sink, self.bind)
        with suppress(OSError):
            os.setpgid(pid, pid)
        self._worker = pid
        os.close(sink)
        silent = True
        try:
            if self.stopped:  # between the fork and here
                self._kill_worker()
            by_id = {item["id"]: item for item in items}
            for message in messages(source, pid):
                self._take(message, by_id[message["id"]])
                silent = False
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        finally:
            # What a command left running has no one to report to. Until the worker has been
            # waited for, its process group cannot be anybody else's.
            self._kill_worker()
            self._worker = 0
            _, status, usage = os.wait4(pid, 0)
            os.close(source)
        if silent:
            self._open = items[0]  # it died before it could say a word
        if self._open is not None:
            self._close(self._open, {"status": status, **usage_record(usage)})

    def _take(self, message: Json, item: Json) -> None:
        """Note what a worker or its fork says about an item."""
        event = message["event"]
        if event == "start":
            self._open, self._since, self._doing = item, time.monotonic(), PREPARATION
            running = {"state": "running", "reason": "", "warm_up": message["warm_up"]}
            self.result["items"][item["id"]] = running
            self._write(sync=False)
        elif event == "doing":
            self._doing = message["what"]
        elif event == "outcome":
            kept = (*outcome("", ""), "events")
            self._outcome = {key: message[key] for key in kept if key in message}
        else:
            self._close(item, message)

    def _close(self, item: Json, usage: Json) -> None:
        """Write down how an item ended, and clean up after it."""
        ending = self._outcome or self._crash(usage["status"])
        if self._kept and lacks_memory(ending):
            self._put_back(item, ending)
            return
        wall = time.monotonic() - self._since if self._open else 0.0
        if ending["state"] == "failed":
            tail = last_lines(item["log"])
            if not self.stopped:
                ending = refined(ending, tail, item["scratch"])
            ending = {**ending, "tail": tail}
        record = self.result["items"].setdefault(item["id"], {})
        record.update(ending, wall_s=round(wall, 3))
        record.update({key: usage[key] for key in ("cpu_s", "max_rss_mb")})
        if self._open:
            shutil.rmtree(item["scratch"], ignore_errors=True)
        self._open, self._outcome = None, None
        self._say(f"{item['id']}: {record['state']} {record['reason']} ({wall:.1f} s)")
        self._write(sync=True)

    def _put_back(self, item: Json, ending: Json) -> None:
        """Have an item done again by a worker that keeps nothing in memory for the others.

        lstchain holds one model at a time; all of them together may have been too much.
        """
        self._may_keep = False
        self._kill_worker()
        self.result["items"].pop(item["id"], None)
        self._open, self._outcome = None, None
        self._say(f"{item['id']}: {ending['reason']}; again, without keeping what is loaded")

    def _crash(self, status: int) -> Json:
        """Return the outcome of an item whose process ended without one."""
        number = self.stopped or (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
        if number:
            return outcome("failed", killed_by(number, self._doing), sig=signal_name(number))
        rc = os.WEXITSTATUS(status)
        reason = f"the process ended by itself with exit code {rc} (in {self._doing})"
        return outcome("failed", reason, rc, bad_data=self._doing != PREPARATION)

    def _say(self, sentence: str) -> None:
        """Put a line into the log of the chunk, which is not worth failing for."""
        with suppress(OSError):
            print(now(), sentence, file=self._log, flush=True)


def messages(source: int, worker_pid: int) -> Iterator[Json]:
    """Yield what comes through the pipe until the worker is gone.

    The end of the pipe does not tell, as long as what the worker started still holds it.
    """
    buffer = b""
    gone = False
    while not gone:
        gone = os.waitid(os.P_PID, worker_pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        while select.select([source], [], [], 0 if gone else 1)[0]:
            data = os.read(source, 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            yield from map(json.loads, lines)


def work(
    items: list[Json], loads: Set[str], parent: int, source: int, sink: int, bind: Binder
) -> None:
    """Be the worker, from the fork to the exit."""
    code = 70  # EX_SOFTWARE, unless the end is reached
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # so that the parent can end it with all that it started
        bind(parent)
        os.close(source)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

        def send(message: Json) -> None:
            os.write(sink, json.dumps(message).encode() + b"\n")

        worker(items, loads, send, bind)
        code = 0
    finally:
        os._exit(code)


# ---- The command line ------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run one chunk of a spec.

    Returns
    -------
    int
        0 if every item is ok, 1 if some are not (failed or empty), 2 for a bad spec, 3 if the
        result file cannot be written, 128 + N if signal N stopped the run.
    """
    parser = argparse.ArgumentParser(description="Run one chunk of items of a spec.")
    parser.add_argument("spec", help="JSON file with chunks of items")
    parser.add_argument("index", nargs="?", type=int, help="chunk (default: the array task)")
    mortal: Json = {"nargs": "?", "type": int, "const": os.getppid(), "metavar": "PID"}
    # A caller that gives its own id is missed even if it died before this process could look.
    parser.add_argument("--die-with-parent", help="never outlive the caller", **mortal)
    options = parser.parse_args(arguments)
    bind = binder(options.die_with_parent is not None)
    bind(options.die_with_parent or 0)
    index = options.index
    if index is None:
        index = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
    try:
        spec = load_chunk(options.spec, index)
    except BadSpec as error:
        print(f"runner: {options.spec} {error}", file=sys.stderr)
        return 2
    os.environ.update(dict.fromkeys(THREAD_LIMITS, str(spec["cpus"])), MPLBACKEND="Agg")
    try:
        return Chunk(spec, index, bind).run()
    except OSError as error:
        said = os_reason(f"cannot write the result {spec['result']}", error)
        ending = outcome("failed", said, cause=cause_of(error))
        print(f"runner: {ending['reason']}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    # The folder of this script must not offer its neighbours as modules to the commands.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    sys.exit(main())
