"""One item: scratch directory, links, commands, checks, products at their final paths."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import zlib
from contextlib import contextmanager, suppress
from typing import Iterator

from .base import (
    ENVIRONMENT,
    HEADER,
    Binder,
    Hollow,
    ItemError,
    Json,
    Send,
    Unreadable,
    Unsound,
    cause_of,
    now,
    os_reason,
    outcome,
)
from .checks import check_file
from .commands import describe, run_command
from .eventless import put_first, reads_no_events, remove_made
from .facts import facts_of
from .hdf5 import open_hdf5, rows
from .kinds import another_kind
from .meeting import compare
from .models import refuse_outdated
from .publish import publish
from .randomness import seed

SCRATCH_ATTEMPTS = 5
REFUSED = 65  # exit code (os.EX_DATAERR) of a script that has said why
NO_EVENT = "nothing has triggered in what it was made of, or no event was left"


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
    put_first(item)
    for path, check in item.get("verify", []):
        verify_input(path, check)
    if item.get("meeting"):
        compare(item["meeting"])
    refuse_outdated(item.get("loads", []))
    if item["commands"] and item["products"]:
        seed(item["products"][0]["final"])
    try:
        other = item.get("without_events") if reads_no_events(item) else None
        checked = make(item, other or item["commands"], send, bind)
    except HollowProduct as error:
        raise explained(item, error, bind) from None
    except ItemError as error:
        blame_inputs(item, error)
        checked = make_without_events(item, error, send, bind)
    empty = [reason for reason in checked if reason]
    if empty:
        return outcome("empty", empty[0], rc=0, bad_data=True, certain=True)
    if all_there(item):  # an attempt that was given up has been first: models are not mixed
        return outcome("ok", "already there", rc=0)
    events = count_events(item["products"])
    facts = facts_of(item["products"])
    for product in item["products"]:
        publish(product["made"], product["final"], sync="link" not in product["check"])
    return {**outcome("ok", "", rc=0), "events": events, "facts": facts}


def make(item: Json, commands: list[list[str]], send: Send, bind: Binder) -> list[str | None]:
    """Run commands and check the products; return why each is empty, if it is."""
    for argv in commands:
        print("$ " + " ".join(shlex.quote(word) for word in argv), flush=True)
        send({"event": "doing", "id": item["id"], "what": os.path.basename(argv[0])})
        run_command(argv, bind)
    send({"event": "doing", "id": item["id"], "what": "the check of the products"})
    links = [link for _, link in item.get("links", [])]
    return [check_product(product, links) for product in item["products"]]


def make_without_events(item: Json, error: ItemError, send: Send, bind: Binder) -> list[str | None]:
    """Make the products by the commands for an input without events, after others have failed.

    These refuse an input that has events; then the first error counts, and what was printed first.
    Where they end with REFUSED, what they print last is the reason.
    """
    commands = item.get("without_events", [])
    if not commands or not error.outcome["bad_data"]:
        raise error
    remove_made(item)
    log = os.path.join(item["scratch"], "without_events.log")
    try:
        with output_to(log):
            checked = make(item, commands, send, bind)
    except ItemError as second:
        if second.outcome["rc"] == REFUSED:
            raise ItemError(last_line(log), REFUSED, bad_data=True, certain=True) from None
        raise (second if second.outcome["cause"] else error) from None
    with open(log, encoding="utf-8", errors="replace") as file:
        print(file.read(), flush=True)
    return checked


class HollowProduct(ItemError):
    """A command has made a product without any event in it."""


def explained(item: Json, error: ItemError, bind: Binder) -> ItemError:
    """Add to the reason what the explaining commands of the item print last, if it has any."""
    log = os.path.join(item["scratch"], "explanation.log")
    try:
        with output_to(log):
            for argv in item.get("explain", []):
                run_command(argv, bind)
        line = last_line(log)
    except (ItemError, OSError):
        return error
    why = f": {line}" if line else ""
    return ItemError(f"{error}{why}", rc=0, bad_data=True)


def last_line(log: str) -> str:
    """Return the last line of a log that is not empty."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return next((line.strip() for line in reversed(list(file)) if line.strip()), "")


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
    """Check an input."""
    try:
        os.stat(path)
        empty = check_file(path, check)
    except FileNotFoundError:
        reason = f"input {path} is missing"
        if has_files(os.path.dirname(path)):
            raise ItemError(reason, bad_data=True) from None
        raise ItemError(reason, cause=ENVIRONMENT) from None  # purged, or not mounted
    except OSError as error:
        raise ItemError(os_reason(f"input {path} cannot be read", error), error=error) from None
    except Unsound as error:
        readable = not isinstance(error, Unreadable)
        other = another_kind(path, check) if readable else None
        reason = other or f"input {path} is not whole: it {error}"
        raise ItemError(reason, bad_data=readable, certain=readable) from None
    if empty:
        raise ItemError(f"input {path} {empty}: {NO_EVENT}", bad_data=True)


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
                raise ItemError(sentence, rc, sig, bad_data, certain=bad_data) from None
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
    except Hollow as error:
        raise HollowProduct(f"{made} {error}", rc=0, bad_data=True) from None
    except Unsound as error:
        raise ItemError(f"{made} {error}", rc=0, bad_data=True) from None
    return f"{made} {empty}" if empty else None


def count_events(products: list[Json]) -> int | None:
    """Count the rows of the table of events of products; None where none has such a table."""
    checks = [(product["made"], product["check"]) for product in products]
    counted = [(made, [check.get("events"), *check.get("nonempty", [])]) for made, check in checks]
    tables = [(made, next(filter(None, names))) for made, names in counted if any(names)]
    found = None
    for made, table in tables:
        with open_hdf5(made) as h5:
            found = (found or 0) + rows(h5, table)
    return found
