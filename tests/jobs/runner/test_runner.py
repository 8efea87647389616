"""The runner, driven as a job drives it: by path, with small scripts for commands."""

from __future__ import annotations

import ast
import errno
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import tables

from lstluigi.jobs.results import LACKING
from lstluigi.jobs.runner import base, checks, chunk, commands, endings, items, publish

RUNNER = Path(commands.__file__).parent
REAL_EVENT = Path(__file__).parents[4] / "shared/data/history_meta_75.simtel.zst"
THROWN = "/simulation/thrown_event_distribution"
PARAMETERS = "/dl1/event/telescope/parameters/LST_LSTCam"
DL1 = {"hdf5": [THROWN], "absent": ["/_temp_table"], "nonempty": [PARAMETERS]}

WRITE = "import sys; open(sys.argv[1], 'w').write(' '.join(sys.argv[2:]) or 'content')"
CRASH = "import os, signal; os.kill(os.getpid(), signal.{})"


class Workshop:
    """Builds specs in a directory and runs them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.out = path / "out"

    def script(self, name: str, code: str) -> str:
        """A Python script that stands for a command."""
        file = self.path / f"{name}.py"
        file.write_text(code)
        return str(file)

    def item(self, name: str, *commands: list[str], **more: Any) -> dict[str, Any]:
        """An item that makes one file of its name."""
        product = {"made": name, "final": str(self.out / name), "check": {"file": True}}
        return {
            "id": name,
            "commands": commands,
            "scratch": str(self.path / "scratch" / name),
            "products": [product],
            "log": str(self.path / "logs" / f"{name}.log"),
            **more,
        }

    def good(self, name: str) -> dict[str, Any]:
        """An item that succeeds."""
        return self.item(name, [self.script("write", WRITE), name])

    def crashing(self, name: str, by: str) -> dict[str, Any]:
        """An item killed by a signal."""
        return self.item(name, [self.script(by, CRASH.format(by))])

    def spec(self, *items: dict[str, Any], **more: Any) -> Path:
        """A spec with one chunk."""
        chunk = {"result": str(self.path / "result.json"), "log": str(self.path / "chunk.log")}
        chunk |= {"cpus": 1, "warm": True, "items": items, **more}
        path = self.path / "spec.json"
        path.write_text(json.dumps({"format": 1, "chunks": [chunk]}))
        return path

    def run(self, *items: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
        """Exit code and records of a run; the standard error is kept."""
        done = subprocess.run(
            [sys.executable, RUNNER, self.spec(*items, **more)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.stderr = done.stderr
        return done.returncode, self.result()["items"]

    def start(self, *items: dict[str, Any], options: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """A run in the background."""
        return subprocess.Popen(
            [sys.executable, RUNNER, self.spec(*items), *options], stderr=subprocess.PIPE, text=True
        )

    def result(self) -> dict[str, Any]:
        """What the result file holds."""
        content: dict[str, Any] = json.loads((self.path / "result.json").read_text())
        return content

    def published(self) -> set[str]:
        """Names at the final place."""
        return set(os.listdir(self.out)) if self.out.exists() else set()


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, but not for ever."""
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


# ---- what happens to items -------------------------------------------------------------------


@pytest.mark.parametrize("warm", [True, False])
def test_items_in_order(shop: Workshop, warm: bool) -> None:
    code, items = shop.run(*map(shop.good, "abc"), warm=warm)
    assert code == 0, shop.stderr
    assert list(items) == ["a", "b", "c"]
    assert {record["state"] for record in items.values()} == {"ok"}
    assert shop.published() == {"a", "b", "c"}
    assert os.listdir(shop.path / "scratch") == []
    result = shop.result()
    assert result["finished"]
    assert result["started"] <= result["ended"]


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("victim", [0, 1, 2])
@pytest.mark.parametrize("by", ["SIGSEGV", "SIGKILL"])
def test_crash_takes_nobody_along(shop: Workshop, warm: bool, victim: int, by: str) -> None:
    items = [shop.good(name) for name in "abc"]
    items[victim] = shop.crashing("abc"[victim], by)
    code, records = shop.run(*items, warm=warm)
    assert code == 1
    crashed = records.pop("abc"[victim])
    assert (crashed["state"], crashed["signal"], crashed["rc"]) == ("failed", by, None)
    assert f"killed by {by}" in crashed["reason"]
    assert ("most likely for memory" in crashed["reason"]) == (by == "SIGKILL")
    assert {record["state"] for record in records.values()} <= {"ok"}
    assert shop.published() == records.keys()
    # what was killed for memory is a warning to the later ones, which are submitted with more;
    # a worker may be ahead of the warning
    later = set("abc"[victim + 1 :]) if by == "SIGKILL" else set()
    assert records.keys() | later == {"a", "b", "c"} - {"abc"[victim]}
    assert shop.result()["finished"] == (records.keys() == {"a", "b", "c"} - {"abc"[victim]})


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("victims", ["a", "b", "abc"])
def test_a_crash_by_a_damaged_cache_of_compiled_code_is_overcome(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, warm: bool, victims: str
) -> None:
    """What numba finds beside an environment's modules may be what another process broke."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(shop.path))
    code = WRITE + "\nimport os, signal\n"
    code += f"if sys.argv[1] in {victims!r} and 'NUMBA_CACHE_DIR' not in os.environ:\n"
    code += "    os.kill(os.getpid(), signal.SIGSEGV)\n"
    code += "assert os.path.isdir(os.environ.get('NUMBA_CACHE_DIR', '/'))\n"
    items = [shop.item(name, [shop.script("compiled", code), name]) for name in "abc"]
    done, records = shop.run(*items, warm=warm)
    assert done == 0, records
    assert records.keys() == set("abc")
    assert shop.published() == set("abc")
    assert not list(shop.path.glob("lstluigi-numba-*"))
    said = (shop.path / "chunk.log").read_text()
    assert said.count("once more (killed by SIGSEGV (in compiled.py); with a cache of comp") == 1
    again = {name for name, record in records.items() if "again" in record}
    assert again == {victims[0]}
    assert records[victims[0]]["again"].endswith("; with a cache of compiled code of its own")


def test_commands_do_not_find_the_runner(shop: Workshop) -> None:
    look = "import sys; sys.exit(any(n.partition('.')[0] == 'runner' for n in sys.modules))"
    find = "import importlib.util as u, sys; sys.exit(u.find_spec('runner') is not None)"
    names = {"look": look, "find": find}
    _, records = shop.run(*(shop.item(n, [shop.script(n, c)]) for n, c in names.items()))
    assert {record["rc"] for record in records.values()} == {0}


@pytest.mark.parametrize("program", [True, False])
def test_a_crash_that_comes_again_has_failed(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, program: bool
) -> None:
    """It costs one more try, unless a program of its own crashed, which numba does not serve."""
    monkeypatch.setenv("TMPDIR", str(shop.path))
    code = "import os, signal, time; time.sleep(0.2); os.kill(os.getpid(), signal.SIGSEGV)"
    command = [shop.script("crash", code)]
    if program:
        command = [sys.executable, *command]
    items = [shop.good("a"), shop.item("b", command), shop.item("c", command), shop.good("d")]
    _, records = shop.run(*items)
    assert [records[name]["state"] for name in "abcd"] == ["ok", "failed", "failed", "ok"]
    assert records["b"]["signal"] == records["c"]["signal"] == "SIGSEGV"
    assert [name for name in "abcd" if "again" in records[name]] == ["b"] * (not program)
    assert (records["b"]["wall_s"] > 0.4) == (not program)
    assert not list(shop.path.glob("lstluigi-numba-*"))


def test_a_worker_that_dies_without_a_word_took_no_time(shop: Workshop) -> None:
    spec = {**json.loads(shop.spec(shop.good("a")).read_text())["chunks"][0], "log": None}
    silent = chunk.Chunk(spec, 0, lambda parent: os._exit(1))
    kept = {number: signal.getsignal(number) for number in base.STOP_SIGNALS}
    silent.run()
    for number, handler in kept.items():
        signal.signal(number, handler)
    assert shop.result()["items"]["a"]["wall_s"] < 20


def test_worker_is_shared_and_replaced_after_a_failure(shop: Workshop) -> None:
    """Whatever the first item leaves in memory is there for the next, unless it failed."""
    code = (
        "import sys, runpy; seen = getattr(runpy, 'seen', ''); runpy.seen = seen + sys.argv[1]\n"
        "open(sys.argv[1], 'w').write(runpy.seen); sys.exit(sys.argv[1] == 'a')"
    )
    remember = shop.script("remember", code)
    code_, records = shop.run(*(shop.item(name, [remember, name]) for name in "abcd"))
    assert code_ == 1
    assert [record["state"] for record in records.values()] == ["failed", "ok", "ok", "ok"]
    contents = {name: (shop.out / name).read_text() for name in "bcd"}
    assert contents == {"b": "b", "c": "bc", "d": "bd"}
    assert [record["warm_up"] for record in records.values()] == [True, True, False, False]


def test_exit_that_skips_the_check(shop: Workshop) -> None:
    leave = shop.script("leave", WRITE + "; import os; os._exit(0)")
    _, records = shop.run(shop.item("a", [leave, "a"]), shop.good("b"))
    assert records["a"]["state"] == "failed"
    assert "exit code 0" in records["a"]["reason"]
    assert shop.published() == {"b"}


@pytest.mark.parametrize(
    ("ending", "rc"),
    [("0", 0), ("", 0), ("3", 3), ("'words'", 1), ("None", 0), ("True", 1)],
)
def test_exit_codes_are_those_of_a_command_line(shop: Workshop, ending: str, rc: int) -> None:
    command = shop.script("exit", f"{WRITE}; sys.exit({ending})")
    _, records = shop.run(shop.item("a", [command, "a"]))
    assert records["a"]["rc"] == rc
    # a command that fails, fails its item, whatever it has made
    assert shop.published() == ({"a"} if rc == 0 else set())


def test_commands_in_order_and_stop_at_the_first_failure(shop: Workshop) -> None:
    append = shop.script("append", "import sys; open('a', 'a').write(sys.argv[1])")
    fail = shop.script("fail", "import sys; sys.exit(7)")
    _, records = shop.run(
        shop.item("a", [append, "1"], [append, "2"]), shop.item("b", [fail], [append, "3"])
    )
    assert (shop.out / "a").read_text() == "12"
    assert records["b"]["reason"] == "fail.py ended with exit code 7"


def test_console_script_and_executable(shop: Workshop) -> None:
    """`pip` is an entry point of this python or not; `true` never is."""
    name = next(iter(commands.console_scripts()))
    assert commands.console_scripts()[name].group == "console_scripts"
    _, records = shop.run(shop.item("a", ["cp", "/proc/self/comm", "a"]))
    assert records["a"]["state"] == "ok"
    assert (shop.out / "a").read_text() == "cp\n"


def test_console_scripts_before_python_3_10(monkeypatch: pytest.MonkeyPatch) -> None:
    class EntryPoint:
        name = "command"

    old = {"console_scripts": [EntryPoint], "gui_scripts": []}
    monkeypatch.setattr(commands.importlib.metadata, "entry_points", lambda: old)
    commands.console_scripts.cache_clear()
    try:
        assert commands.console_scripts() == {"command": EntryPoint}
    finally:
        commands.console_scripts.cache_clear()


def test_entry_point_runs_inside_the_process(shop: Workshop, monkeypatch: Any) -> None:
    """A package with metadata, as an installed lstchain has."""
    site = shop.path / "site"
    (site / "faketool-1.0.dist-info").mkdir(parents=True)
    metadata = site / "faketool-1.0.dist-info"
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: faketool\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[console_scripts]\nfake_make = faketool:main\n")
    (site / "faketool.py").write_text(
        "import os, sys\ndef main():\n    open(sys.argv[1], 'w').write(str(os.getpid()))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    _, records = shop.run(shop.item("a", ["fake_make", "a"]), shop.item("b", ["fake_make", "b"]))
    assert [record["state"] for record in records.values()] == ["ok", "ok"]
    logs = {name: (shop.path / "logs" / f"{name}.log").read_text() for name in "ab"}
    for name in "ab":  # the header of the log has the process id
        assert f"pid {(shop.out / name).read_text()} " in logs[name]


def test_unknown_command(shop: Workshop) -> None:
    _, records = shop.run(
        shop.item("a", ["lstchain_no_such_thing"]), shop.item("b", ["/no/such/script.py"])
    )
    assert "lstchain_no_such_thing is not in this environment" in records["a"]["reason"]
    assert "/no/such/script.py is not there" in records["b"]["reason"]


def test_exceptions_have_a_reason_and_a_traceback(shop: Workshop) -> None:
    broken = shop.script("broken", "raise ValueError('no such telescope')")
    memory = shop.script("memory", "raise MemoryError")
    _, records = shop.run(shop.item("a", [broken]), shop.item("b", [memory]))
    assert records["a"]["reason"] == "broken.py failed with ValueError: no such telescope"
    assert records["a"]["rc"] == 1
    assert any("Traceback" in line for line in records["a"]["tail"])
    assert records["b"]["reason"] == "out of memory: MemoryError in memory.py"
    assert [record["cause"] for record in records.values()] == [None, "out of memory"]
    assert LACKING.keys() == {base.DISK_FULL, base.NO_MEMORY, base.ENVIRONMENT}


def test_what_hdf5_says_after_its_trace_is_the_reason(shop: Workshop) -> None:
    (shop.path / "cut.h5").write_bytes(b"")
    with tables.open_file(str(shop.path / "cut.h5"), "w") as h5:
        h5.create_array("/", "a", list(range(1000)))
    whole = (shop.path / "cut.h5").read_bytes()
    (shop.path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    read = shop.script("read", f"import tables\ntables.open_file({str(shop.path / 'cut.h5')!r})")
    _, records = shop.run(shop.item("a", [read]))
    reason = records["a"]["reason"]
    assert reason.startswith("read.py failed with HDF5ExtError: Unable to open/create file '")
    assert re.search(r"cut\.h5' \(truncated file: eof = \d+, .*\)$", reason)


def test_executable_that_runs_out_of_memory_says_so_in_its_log(shop: Workshop) -> None:
    code = "raise MemoryError"
    _, records = shop.run(shop.item("a", [sys.executable, "-c", code]))
    assert records["a"]["reason"].startswith("out of memory")
    assert records["a"]["cause"] == "out of memory"


# ---- publishing ------------------------------------------------------------------------------


def test_nothing_is_published_unless_all_is_whole(shop: Workshop) -> None:
    item = shop.good("a")
    item["products"].append({"made": "b", "final": str(shop.out / "b"), "check": {"file": True}})
    code, records = shop.run(item)
    assert code == 1
    assert records["a"]["reason"] == "b was not made"
    assert shop.published() == set()
    assert not (shop.path / "scratch" / "a").exists()


def test_final_path_shows_whole_files_only(shop: Workshop) -> None:
    """The command looks itself: while it writes, there is nothing at the final path."""
    final = shop.out / "a"
    code = f"import os; open('a', 'w').write('x'); assert not os.path.exists({str(final)!r})"
    _, records = shop.run(shop.item("a", [shop.script("look", code)]))
    assert records["a"]["state"] == "ok"
    assert final.exists()


def test_scratch_is_emptied(shop: Workshop) -> None:
    scratch = shop.path / "scratch" / "a"
    scratch.mkdir(parents=True)
    (scratch / "a").write_text("left by a killed attempt")
    nothing = shop.script("nothing", "")
    _, records = shop.run(shop.item("a", [nothing]))
    assert records["a"]["reason"] == "a was not made"
    assert not scratch.exists()


def test_requeue_repeats_nothing(shop: Workshop) -> None:
    count = shop.script("count", WRITE + f"; open({str(shop.path / 'n')!r}, 'a').write('.')")
    items = [shop.item(name, [count, name]) for name in "abc"]
    shop.run(*items[:2])
    code, records = shop.run(*items)
    assert code == 0
    assert [record["reason"] for record in records.values()] == ["already there"] * 2 + [""]
    assert (shop.path / "n").read_text() == "..."


def test_publish_from_another_file_system(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    made = memory / f"lstluigi-test-{os.getpid()}"
    made.write_text("content")
    try:
        publish.publish(str(made), str(tmp_path / "out" / "a"), sync=True)
        assert (tmp_path / "out" / "a").read_text() == "content"
        assert os.listdir(tmp_path / "out") == ["a"]
    finally:
        made.unlink()


def test_publish_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made"
    made.write_text("content")

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(base.ItemError, match="cannot publish"):
        publish.publish(str(made), str(tmp_path / "out" / "a"), sync=True)
    assert os.listdir(tmp_path / "out") == []


def test_links_are_hard_or_symbolic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.h5"
    source.write_text("content")
    monkeypatch.chdir(tmp_path)
    items.make_link(str(source), "inputs/node/hard.h5")
    assert os.path.samefile("inputs/node/hard.h5", source)
    assert source.stat().st_nlink == 2

    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    items.make_link(str(source), "inputs/node/soft.h5")
    assert os.readlink("inputs/node/soft.h5") == str(source)


def test_links_alone_make_a_split(shop: Workshop) -> None:
    source = shop.path / "dl1_source.h5"
    source.write_text("content")
    item = shop.item("a", links=[[str(source), "a"]])
    item["products"][0]["check"] = {"link": True}
    _, records = shop.run(item)
    assert records["a"]["state"] == "ok"
    assert os.path.samefile(shop.out / "a", source)


def _hdf5(path: Path, table: str) -> bytes:
    tables = pytest.importorskip("tables")
    with tables.open_file(str(path), "w") as h5:
        h5.create_array(*table.rsplit("/", 1), [1], createparents=True)
    return path.read_bytes()


SIMTEL = b"\x37\x8a\x1f\xd4" + bytes(20)
DL2 = {"hdf5": ["/dl2/event/telescope/parameters/LST_LSTCam"]}


@pytest.mark.parametrize(
    ("content", "check", "told"),
    [
        ("/dl2/event/x", DL1, "DL2, and DL1 is wanted"),
        ("/dl1/event/x", DL2, "DL1, and DL2 is wanted"),
        ("/dl1/event/x", {"simtel": True}, "DL1, and a simtel file is wanted"),
        ("/x/y", {"true_images": True}, "HDF5, and a simtel file is wanted"),
        (SIMTEL, DL1, "a simtel file, and DL1 is wanted"),
        (gzip.compress(SIMTEL, mtime=0), DL1, "a simtel file, and DL1 is wanted"),
        (b"# notes\n", {"simtel": True}, "text, and a simtel file is wanted"),
        (b"# notes\n", {"joblib": True}, "text, and a model is wanted"),
        (b"\x80x.", {"fits": []}, "a model, and a FITS file is wanted"),
        # nothing is said of what is no other kind, or of no kind that is known
        ("/x/y", DL1, "not whole: it lacks"),
        (b"# notes\n", {"json": []}, "not whole: it is not JSON"),
        (b"\0\1", DL1, "not whole: it is damaged or no HDF5 file"),
        (gzip.compress(b"\0\1", mtime=0), {"simtel": True}, ""),
        (SIMTEL, {"simtel": True}, ""),
    ],
)
def test_an_input_of_another_kind(
    shop: Workshop, content: bytes | str, check: dict[str, Any], told: str
) -> None:
    source = shop.path / "input"
    source.write_bytes(_hdf5(source, content) if isinstance(content, str) else content)
    _, records = shop.run(shop.good("a") | {"verify": [[str(source), check]]})
    assert records["a"]["reason"].startswith(f"input {source} is {told}" if told else "")
    assert (records["a"]["state"] == "ok") == (not told)


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ("CTA PRODUCT ID", "DL1 of ctapipe, and that of lstchain is wanted"),
        ("LSTCHAIN_VERSION", "not whole: it lacks /dl1"),
        ("OTHER", "not whole: it lacks /dl1"),
    ],
)
@pytest.mark.parametrize("lstchain", [True, False])
def test_an_input_of_another_program(
    shop: Workshop, attribute: str, told: str, lstchain: bool
) -> None:
    tables = pytest.importorskip("tables")
    check: dict[str, Any] = {"hdf5": ["/dl1/event/telescope/parameters/LST_LSTCam"]}
    if not lstchain:
        check = {"hdf5": ["/dl1/event/wanted"], "attributes": ["CTA PRODUCT ID"]}
        attribute = {
            "CTA PRODUCT ID": "LSTCHAIN_VERSION",
            "LSTCHAIN_VERSION": "CTA PRODUCT ID",
        }.get(attribute, attribute)
        told = told.replace("of ctapipe, and that of lstchain", "of lstchain, and that of ctapipe")
    source = shop.path / "input"
    source.write_bytes(_hdf5(source, "/dl1/event/x"))
    with tables.open_file(str(source), "a") as h5:
        h5.root._v_attrs[attribute] = "1"
    _, records = shop.run(shop.good("a") | {"verify": [[str(source), check]]})
    assert records["a"]["reason"].startswith(f"input {source} is {told}")


def test_missing_inputs(shop: Workshop) -> None:
    absent = str(shop.path / "absent.h5")
    linked = shop.item("a", links=[[absent, "a"]])
    verified = shop.item("b", verify=[[absent, {"file": True}]])
    _, records = shop.run(linked, verified)
    assert {record["reason"] for record in records.values()} == {f"input {absent} is missing"}


def test_input_that_is_not_whole(shop: Workshop) -> None:
    source = shop.path / "input.h5"
    source.write_bytes(b"\0no HDF5")
    ran = shop.path / "ran"
    command = [shop.script("write", WRITE), str(ran)]
    _, records = shop.run(shop.item("a", command, verify=[[str(source), DL1]]))
    assert records["a"]["reason"].startswith(f"input {source} is not whole: it is damaged")
    assert not ran.exists()


def test_which_endings_are_the_data_s_fault(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever would be the same on any machine is; what an environment or a disk lacks is not."""
    dl0 = shop.path / "dl0"
    dl0.mkdir()
    (dl0 / "empty").touch()
    (dl0 / "good").write_text("content")
    (dl0 / "no.h5").write_text("no HDF5")
    (dl0 / "dangling").symlink_to(dl0 / "nowhere")
    (shop.path / "away").mkdir()  # a file system that is not mounted

    def reads(name: str, file: Path, check: dict[str, Any] | None = None) -> dict[str, Any]:
        return shop.good(name) | {"verify": [[str(file), check or {"file": True}]]}

    exits = shop.script("exits", "import sys; sys.exit(3)")
    items = {
        "empty input": (reads("empty input", dl0 / "empty"), True),
        "unsound input": (reads("unsound input", dl0 / "no.h5", DL1), True),
        "missing input": (reads("missing input", dl0 / "absent"), True),
        "dangling link": (reads("dangling link", dl0 / "dangling"), True),
        "purged directory": (reads("purged directory", shop.path / "gone" / "a"), False),
        "file system away": (reads("file system away", shop.path / "away" / "a"), False),
        "no directory": (reads("no directory", dl0 / "good" / "a"), False),
        "directory": (reads("directory", dl0), False),
        "exit": (shop.item("exit", [exits]), True),
        "outside": (shop.item("outside", ["false"]), True),
        "no product": (shop.item("no product", ["true"]), True),
        "no command": (shop.item("no command", ["no-such-command"]), False),
        "killed": (shop.crashing("killed", "SIGKILL"), False),
        "good": (reads("good", dl0 / "good"), False),
    }
    blocked = shop.good("blocked")
    blocked["products"][0]["final"] = str(dl0 / "good" / "a")
    items["unpublished"] = (blocked, False)
    items["killed"] = items.pop("killed")  # for memory, by which a chunk ends
    _, records = shop.run(*(item for item, _ in items.values()))
    found = {name: records[item["id"]]["bad_data"] for name, (item, _) in items.items()}
    assert found == {name: wanted for name, (_, wanted) in items.items()}


def test_an_input_that_went_away_during_the_command_is_not_bad(shop: Workshop) -> None:
    source = shop.path / "input"
    source.write_text("content")
    code = f"import os, sys; os.unlink({str(source)!r}); sys.exit(1)"
    item = shop.item("a", [shop.script("reads", code)], verify=[[str(source), {"file": True}]])
    _, records = shop.run(item)
    assert f"input {source} cannot be read" in records["a"]["reason"]
    assert (records["a"]["cause"], records["a"]["bad_data"]) == (base.ENVIRONMENT, False)


def test_scratch_that_cannot_be_made(shop: Workshop) -> None:
    blocker = shop.path / "file"
    blocker.write_text("")
    item = shop.good("a") | {"scratch": str(blocker / "scratch")}
    _, records = shop.run(item, shop.good("b"))
    assert records["a"]["reason"].startswith("cannot make the scratch directory")
    assert records["b"]["state"] == "ok"


# ---- checks ----------------------------------------------------------------------------------


def write_dl1(path: Path, events: int, thrown: int = 1, merged: tuple[str, ...] = ()) -> Path:
    """A file with the nodes that the checks look at."""
    tables = pytest.importorskip("tables")
    import numpy as np

    with tables.open_file(path, "w") as h5:
        for node, count in ((PARAMETERS, events), (THROWN, thrown)):
            if count:
                where, _, name = node.rpartition("/")
                content = np.zeros(count, dtype=[("x", "f8")])
                h5.create_table(where, name, content, createparents=True)
        if merged:
            h5.create_array("/source_filenames", "filenames", list(merged), createparents=True)
    return path


def test_hdf5_whole_and_empty(tmp_path: Path) -> None:
    assert checks.check_file(str(write_dl1(tmp_path / "a.h5", 3)), DL1) is None
    reason = checks.check_file(str(write_dl1(tmp_path / "b.h5", 0)), DL1)
    assert reason == f"has no rows in {PARAMETERS}"


def test_hdf5_with_something_missing_or_left(tmp_path: Path) -> None:
    path = str(write_dl1(tmp_path / "a.h5", 3))
    with pytest.raises(base.Unsound, match="lacks /not/there"):
        checks.check_file(path, {"hdf5": [PARAMETERS, "/not/there"]})
    with pytest.raises(base.Unsound, match="still has"):
        checks.check_file(path, {"absent": [PARAMETERS]})
    # what lacks its last node is no empty file, it is not whole
    with pytest.raises(base.Unsound, match="lacks"):
        checks.check_file(str(write_dl1(tmp_path / "b.h5", 0, thrown=0)), DL1)


def test_hdf5_with_an_attribute_of_the_file(tmp_path: Path) -> None:
    tables = pytest.importorskip("tables")
    path = write_dl1(tmp_path / "a.h5", 3)
    check = {"attributes": ["CTA PRODUCT ID"]}
    with pytest.raises(base.Unsound, match="lacks the attribute 'CTA PRODUCT ID'"):
        checks.check_file(str(path), check)
    with tables.open_file(path, "a") as h5, warnings.catch_warnings():
        warnings.simplefilter("ignore", tables.NaturalNameWarning)
        h5.root._v_attrs["CTA PRODUCT ID"] = "x"
    assert checks.check_file(str(path), check) is None


@pytest.mark.parametrize(("short", "told"), [(3, None), (2, "has 2 rows in /new/one/b, and 3 in")])
def test_hdf5_with_tables_as_long_as_another(tmp_path: Path, short: int, told: str | None) -> None:
    """Whatever the tables below the group are called, and however deep they lie."""
    tables = pytest.importorskip("tables")
    import numpy as np

    path = write_dl1(tmp_path / "a.h5", 3)
    with tables.open_file(path, "a") as h5:
        for where, name, count in (("/new", "a", 3), ("/new/one", "b", short)):
            h5.create_table(where, name, np.zeros(count, dtype=[("x", "f8")]), createparents=True)
    check = {"full": {"/new": PARAMETERS}}
    if told is None:
        assert checks.check_file(str(path), check) is None
    else:
        with pytest.raises(base.Unsound, match=told):
            checks.check_file(str(path), check)


def test_hdf5_truncated(tmp_path: Path) -> None:
    path = write_dl1(tmp_path / "a.h5", 1000)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(base.Unsound, match="truncated"):
        checks.check_file(str(path), DL1)


def test_hdf5_left_open_by_the_command(tmp_path: Path) -> None:
    tables = pytest.importorskip("tables")
    path = write_dl1(tmp_path / "a.h5", 3)
    tables.open_file(path, "a")
    assert checks.check_file(str(path), DL1) is None


@pytest.mark.parametrize("content", [None, b""])
def test_missing_and_empty_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a"
    if content is not None:
        path.write_bytes(content)
    for check in ("file", "link", "png", "joblib", "fits", "json", "hdf5"):
        with pytest.raises(base.Unsound, match="is missing" if content is None else "no content"):
            checks.check_file(str(path), {check: []})


@pytest.fixture
def merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two links to inputs in a scratch directory, and the check of their sum."""
    monkeypatch.chdir(tmp_path)
    for name, events in (("one.h5", 3), ("two.h5", 4)):
        write_dl1(tmp_path / name, events)
    return {"sum_of": {"tables": [PARAMETERS, THROWN], "inputs": ["one.h5", "two.h5"]}}


def test_sum_of(tmp_path: Path, merge: dict[str, Any]) -> None:
    whole = write_dl1(tmp_path / "whole.h5", 7, thrown=2, merged=("one.h5", "two.h5"))
    assert checks.check_file(str(whole), merge) is None


@pytest.mark.parametrize(("events", "thrown"), [(3, 2), (7, 1), (0, 2)])
def test_sum_of_names_what_is_left_out(
    tmp_path: Path, merge: dict[str, Any], events: int, thrown: int
) -> None:
    part = write_dl1(tmp_path / "part.h5", events, thrown, merged=(str(tmp_path / "one.h5"),))
    with pytest.raises(base.Unsound, match=r"left out: two\.h5"):
        checks.check_file(str(part), merge)


def test_sum_of_with_an_input_that_is_gone(tmp_path: Path, merge: dict[str, Any]) -> None:
    part = write_dl1(tmp_path / "part.h5", 7, 2)
    (tmp_path / "two.h5").unlink()
    with pytest.raises(base.Unsound, match=r"two\.h5, which is missing"):
        checks.check_file(str(part), merge)


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        (  # as ctapipe 0.25.1 logs a value that does not fit, in colours
            "2026-11-25 14:41:33,664 \x1b[1;31mERROR\x1b[0m [ctapipe.ctapipe-process] (tool.run): "
            "Config option `max_event` not recognized\n"
            "2026-11-25 14:41:33,664 \x1b[1;31mERROR\x1b[0m [ctapipe.ctapipe-process] (tool.run): "
            "Use --help for more info",
            "Config option `max_event` not recognized",
        ),
        (
            "usage: ctapipe-compute-irf [-h]\n"
            "ctapipe-compute-irf: error: unrecognized arguments: --point-like\n"
            "2026-11-25 14:08:41,829 \x1b[1;35mCRITICAL\x1b[0m [ctapipe.ctapipe-compute-irf] "
            "(tool.run): Caught SystemExit with exit code 2",
            "unrecognized arguments: --point-like",
        ),
        (  # an exception whose name says nothing of the kind, with a message of two lines
            "2026-11-25 14:08:41,829 ERROR [ctapipe.ctapipe-merge] (tool.run): Caught unexpected "
            "exception: x\n"
            "Traceback (most recent call last):\n"
            '  File "/env/ctapipe/core/tool.py", line 441, in run\n'
            "    self.start()\n"
            "    ~~~~~~~~~~^^\n"
            "ctapipe.io.hdf5merger.CannotMerge: a.h5 contains obs_ids: [1]\n"
            "and more",
            "ctapipe.io.hdf5merger.CannotMerge: a.h5 contains obs_ids: [1]",
        ),
        ("nothing: of the kind", None),
    ],
)
def test_what_a_command_says_before_it_ends(shop: Workshop, printed: str, told: str | None) -> None:
    script = shop.script("fails", f"import sys\nprint({printed!r})\nsys.exit(2)\n")
    _, records = shop.run(shop.item("a", [script]))
    reason = "fails.py ended with exit code 2"
    assert records["a"]["reason"] == (reason if told is None else f"{reason}: {told}")
    assert not any("\x1b" in line for line in records["a"]["tail"])


def test_a_truncated_input_that_a_command_took_for_whole(shop: Workshop) -> None:
    """ctapipe-process ends well, and its product shows that something is missing."""
    cut = shop.path / "a.gz"
    cut.write_bytes(gzip.compress(os.urandom(10_000))[:5000])
    item = shop.good("a") | {"verify": [[str(cut), {"file": True}]]}
    item["products"][0]["check"] = {"png": True}
    _, records = shop.run(item)
    assert records["a"]["reason"] == f"input {cut} is truncated or damaged"


def test_empty_item_and_sum_of_links(shop: Workshop) -> None:
    one, two = write_dl1(shop.path / "1.h5", 3), write_dl1(shop.path / "2.h5", 0)
    links = [[str(one), "in/1.h5"], [str(two), "in/2.h5"]]
    copy = shop.script("copy", "import shutil, sys; shutil.copy(*sys.argv[1:])")
    empty = shop.item("a", [copy, str(two), "a"])
    merged = shop.item("b", [copy, str(one), "b"], links=links)
    empty["products"][0]["check"] = DL1
    merged["products"][0]["check"] = {"sum_of_links": [PARAMETERS, THROWN]}
    code, records = shop.run(empty, merged)
    assert code == 1
    assert records["a"]["state"] == "empty"
    assert records["a"]["reason"] == f"a has no rows in {PARAMETERS}"
    assert records["b"]["reason"] == f"b has 1 rows in {THROWN}, its inputs 2"
    assert shop.published() == set()


EVENTS = {"hdf5": [THROWN], "events": PARAMETERS, "of_events": ["/dl1/images"]}


def test_what_is_needed_of_a_file_without_events(tmp_path: Path) -> None:
    """Its thrown showers, and no table of events; a file with events has all of them."""
    bare, full = (write_dl1(tmp_path / f"{n}.h5", n) for n in (0, 3))
    assert checks.check_file(str(bare), EVENTS) is None
    with pytest.raises(base.Unsound, match="lacks /dl1/images"):
        checks.check_file(str(full), EVENTS)
    with pytest.raises(base.Unsound, match=f"lacks {THROWN}, and has no events"):
        checks.check_file(str(write_dl1(tmp_path / "cut.h5", 0, thrown=0)), EVENTS)


@pytest.mark.parametrize("refuses", [False, True])
def test_commands_for_an_input_without_events(shop: Workshop, refuses: bool) -> None:
    """They make what the others could not, or leave the reason of the others as it is."""
    bare = write_dl1(shop.path / "bare.h5", 0)
    copy = shop.script("copy", "import shutil, sys; shutil.copy(*sys.argv[1:])")
    wrong = shop.script("wrong", "open('a', 'w').write('half'); raise KeyError('no table')")
    other = shop.script("other", "import os, sys; sys.exit('a' in os.listdir() and 'left')")
    no = shop.script("no", "print('more'); raise SystemExit('it has events')")
    then = [[no]] if refuses else [[other], [copy, str(bare), "a"]]
    item = shop.item("a", [wrong], without_events=then)
    item["products"][0]["check"] = EVENTS
    _, records = shop.run(item)
    if refuses:
        assert records["a"]["reason"] == "wrong.py failed with KeyError: 'no table'"
        assert records["a"]["tail"][-1] == "KeyError: 'no table'"
        assert shop.published() == set()
    else:
        assert records["a"]["state"] == "ok", records
        assert records["a"]["events"] == 0


def test_an_input_known_to_have_no_events(shop: Workshop) -> None:
    """The commands that it would fail are not tried."""
    bare = write_dl1(shop.path / "bare.h5", 0)
    wrong = shop.script("wrong", "raise KeyError('no table')")
    copy = shop.script("copy", "import shutil, sys; shutil.copy(*sys.argv[1:])")
    item = shop.item("a", [wrong], without_events=[[copy, str(bare), "a"]])
    item["verify"] = [[str(bare), EVENTS]]
    _, records = shop.run(item)
    assert records["a"]["state"] == "ok", records
    assert "KeyError" not in (shop.path / "logs/a.log").read_text()


@pytest.mark.parametrize(
    ("counts", "wanted", "first"),
    [((0, 0, 3), True, 2), ((2, 0, 3), True, 0), ((2, 0, 3), False, 1), ((0, 0, 0), True, 0)],
)
def test_which_file_a_merge_reads_first(
    shop: Workshop, counts: tuple[int, ...], wanted: bool, first: int
) -> None:
    """The first by name decides which tables lstchain merges, and which ctapipe asks for."""
    files = [write_dl1(shop.path / f"{n}.h5", count) for n, count in enumerate(counts)]
    links = [[str(file), f"in/{file.name}"] for file in files]
    code = "import os, sys; os.link(sorted(e.path for e in os.scandir('in'))[0], 'a')"
    item = shop.item("a", [shop.script("take_first", code)], links=links)
    item["first"] = {"table": PARAMETERS, "rows": wanted}
    _, records = shop.run(item)
    assert records["a"]["state"] == "ok", records
    assert (shop.out / "a").read_bytes() == files[first].read_bytes()


def test_an_input_that_needs_events(shop: Workshop) -> None:
    bare = write_dl1(shop.path / "bare.h5", 0)
    item = shop.good("a") | {"verify": [[str(bare), {**EVENTS, "nonempty": [PARAMETERS]}]]}
    _, records = shop.run(item)
    assert records["a"]["reason"].startswith(f"input {bare} has no rows in {PARAMETERS}")
    assert records["a"]["bad_data"]


def test_fits(tmp_path: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    import numpy as np

    path = tmp_path / "irf.fits.gz"
    table = fits.BinTableHDU(np.zeros(500, dtype=[("x", "f8")]), name="EFFECTIVE AREA")
    for name in ("irf.fits", "irf.fits.gz"):
        path = tmp_path / name
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
        checks.check_file(str(path), {"fits": ["EFFECTIVE AREA"]})
        with pytest.raises(base.Unsound, match="no HDU 'ENERGY DISPERSION'"):
            checks.check_file(str(path), {"fits": ["EFFECTIVE AREA", "ENERGY DISPERSION"]})
        os.truncate(path, path.stat().st_size - (2880 if name == "irf.fits" else 8))
        with pytest.raises(base.Unsound, match="FITS"):
            checks.check_file(str(path), {"fits": ["EFFECTIVE AREA"]})


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("xz", 1)])
def test_joblib(tmp_path: Path, compress: Any) -> None:
    joblib = pytest.importorskip("joblib")
    path = tmp_path / "model.sav"
    joblib.dump({"trees": list(range(1000))}, path, compress=compress)
    assert checks.check_file(str(path), {"joblib": True}) is None
    path.write_text("not a model")
    with pytest.raises(base.Unsound, match="no joblib"):
        checks.check_file(str(path), {"joblib": True})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": {"b": Infinity}}', None),
        ('{"a": {"b": null}, "c": 1}', None),
        ('{"a": {}}', "lacks a.b"),
        ('{"a": "b"}', "lacks a.b"),
        ('{"a": {"b"', "is not JSON"),
        ("[]", "does not hold a JSON object"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_json(tmp_path: Path, text: str, told: str | None) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    if told is None:
        assert checks.check_file(str(path), {"json": ["a", "a.b"]}) is None
    else:
        with pytest.raises(base.Unsound, match=told):
            checks.check_file(str(path), {"json": ["a", "a.b"]})


def test_joblib_truncated(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    path = tmp_path / "model.sav"
    joblib.dump({"trees": list(range(1000))}, path)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(base.Unsound, match="truncated"):
        checks.check_file(str(path), {"joblib": True})


def test_png(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    import numpy as np

    path = tmp_path / "plot.png"
    image.imsave(path, np.zeros((8, 8)))
    assert checks.check_file(str(path), {"png": True}) is None
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(base.Unsound, match="PNG"):
        checks.check_file(str(path), {"png": True})


# ---- the process itself ----------------------------------------------------------------------

SLEEP = "import os, time; open({pid!r}, 'w').write(str(os.getpid())); time.sleep(600)"


def sleeping(shop: Workshop, name: str, outside: bool = False) -> dict[str, Any]:
    """An item that leaves its process id and sleeps, within the runner's processes or outside."""
    code = SLEEP.format(pid=str(shop.path / f"{name}.pid"))
    command = [sys.executable, "-c", code] if outside else [shop.script(f"sleep_{name}", code)]
    return shop.item(name, command)


def pid_of(shop: Workshop, name: str) -> int:
    """The process id that an item has left, once it has."""
    file = shop.path / f"{name}.pid"
    assert eventually(lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())


CASES = pytest.mark.parametrize(
    ("first", "outside"), [(True, False), (False, False), (True, True), (False, True)]
)


@CASES
def test_sigterm(shop: Workshop, first: bool, outside: bool) -> None:
    before = [] if first else [shop.good("a")]
    run = shop.start(*before, sleeping(shop, "b", outside), shop.good("c"))
    sleeper = pid_of(shop, "b")
    run.terminate()
    assert run.wait(20) == 143
    assert eventually(lambda: not alive(sleeper))
    result = shop.result()
    assert result["items"]["b"]["state"] == "failed"
    assert "stopped by SIGTERM" in result["items"]["b"]["reason"]
    assert "c" not in result["items"]
    assert not result["finished"]
    assert result["ended"]
    assert not (shop.path / "scratch" / "b").exists()


@CASES
@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_die_with_parent(shop: Workshop, first: bool, outside: bool) -> None:
    before = [] if first else [shop.good("a")]
    items = [*before, sleeping(shop, "b", outside)]
    run = shop.start(*items, options=("--die-with-parent",))
    sleeper = pid_of(shop, "b")
    # what was going on stays readable, whoever is killed
    assert eventually(lambda: shop.result()["items"].get("b", {}).get("state") == "running")
    run.kill()
    run.wait(20)
    assert eventually(lambda: not alive(sleeper))


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_runner_dies_with_its_caller(shop: Workshop) -> None:
    spec = shop.spec(sleeping(shop, "a"))
    call = f"import subprocess as s, sys; s.run([sys.executable, {str(RUNNER)!r}, {str(spec)!r}"
    caller = subprocess.Popen([sys.executable, "-c", f"{call}, '--die-with-parent'])"])
    sleeper = pid_of(shop, "a")
    caller.kill()
    caller.wait(20)
    assert eventually(lambda: not alive(sleeper))
    assert eventually(lambda: not alive(shop.result()["pid"]))


def test_worker_killed_during_the_item_of_a_fork(shop: Workshop) -> None:
    """The parent writes it down, and the fork of the dead worker does not publish later."""
    run = shop.start(shop.good("a"), sleeping(shop, "b"), shop.good("c"))
    sleeper = pid_of(shop, "b")
    status = Path(f"/proc/{sleeper}/status").read_text()
    worker = int(status.partition("PPid:")[2].split()[0])
    assert worker not in (run.pid, os.getpid())
    os.kill(worker, signal.SIGKILL)
    assert run.wait(20) == 1
    assert eventually(lambda: not alive(sleeper))
    states = {name: record["state"] for name, record in shop.result()["items"].items()}
    assert states.pop("b") == "failed"
    assert states.pop("a") == "ok"
    assert set(states.values()) <= {"ok"}  # c gets more memory, unless it was done meanwhile


def test_log_per_item_and_attempt(shop: Workshop) -> None:
    """Streams of Python, of C code and of other processes end in the log of their own item."""
    speak = shop.script(
        "speak",
        "import ctypes, os, sys; print('out', sys.argv[1]); print('err', sys.argv[1], "
        "file=sys.stderr)\nos.system('echo shell ' + sys.argv[1])\n"
        "c = ctypes.CDLL(None); c.puts(b'c code'); c.fflush(None); sys.exit(5)",
    )
    items = [shop.item(name, [speak, name]) for name in "ab"]
    for _ in range(2):
        _, records = shop.run(*items)
    for name in "ab":
        log = (shop.path / "logs" / f"{name}.log").read_text()
        assert log.count(base.HEADER) == 2
        for text in (f"out {name}", f"err {name}", f"shell {name}", "c code"):
            assert log.count(text) == 2
        assert f"$ {speak} {name}" in log
        tail = records[name]["tail"]
        assert len(tail) <= 15
        assert sum(f"out {name}" in line for line in tail) == 1


def test_tail_is_the_end(shop: Workshop) -> None:
    talk = shop.script("talk", "for i in range(100): print(i)\nraise SystemExit(1)")
    _, records = shop.run(shop.item("a", [talk]))
    assert records["a"]["tail"] == [str(number) for number in range(85, 100)]


def test_root_log_handlers_are_reset(shop: Workshop) -> None:
    log = shop.script(
        "log",
        "import logging, sys; logging.root.addHandler(logging.StreamHandler())\n"
        "logging.warning('once ' + sys.argv[1]); open(sys.argv[1], 'w').write('x')",
    )
    shop.run(*(shop.item(name, [log, name]) for name in "abc"))
    for name in "abc":
        assert (shop.path / "logs" / f"{name}.log").read_text().count("once") == 1


def test_random_numbers_are_a_products_own(shop: Workshop) -> None:
    """Of every generator, in the first item of a process and in its forks, made once or again."""
    # made at the import by the first item of a process, and not by its forks
    shop.script("imported", "import numpy; GENERATOR = numpy.random.default_rng()")
    draw = shop.script(
        "draw",
        "import random, sys, numpy\n"
        "from numpy.random import default_rng\n"
        f"sys.path.append({str(shop.path)!r})\n"
        "import imported\n"
        "drawn = [random.random(), numpy.random.random()]\n"
        "drawn += [numpy.random.default_rng().random(), default_rng(None).random()]\n"
        "drawn += [numpy.random.default_rng(7).random()]\n"
        "open(sys.argv[1], 'w').write(' '.join(map(str, drawn)))",
    )

    def drawn(order: str) -> list[list[str]]:
        shop.run(*(shop.item(name, [draw, name]) for name in order))
        found = [(shop.out / name).read_text().split() for name in "abc"]
        for name in "abc":
            (shop.out / name).unlink()
        return found

    first = drawn("abc")
    assert len({number for numbers in first for number in numbers[:-1]}) == 12
    given = str(numpy.random.default_rng(7).random())
    assert [numbers[-1] for numbers in first] == [given] * 3
    assert drawn("cab") == first


@pytest.mark.parametrize("cpus", [1, 2])
def test_thread_limits(shop: Workshop, cpus: int) -> None:
    pytest.importorskip("joblib")
    ask = shop.script(
        "ask",
        "import os, sys, json, joblib\n"
        "facts = {name: os.environ[name] for name in sys.argv[2:]}\n"
        "facts['joblib'] = [joblib.cpu_count(), joblib.effective_n_jobs(-1)]\n"
        "json.dump(facts, open(sys.argv[1], 'w'))",
    )
    items = [shop.item(name, [ask, name, *chunk.THREAD_LIMITS, "MPLBACKEND"]) for name in "ab"]
    _, records = shop.run(*items, cpus=cpus)
    for name in records:
        facts = json.loads((shop.out / name).read_text())
        # joblib never counts more than the cores there are
        assert facts.pop("joblib") == [min(cpus, len(os.sched_getaffinity(0)))] * 2
        assert facts.pop("MPLBACKEND") == "Agg"
        assert set(facts.values()) == {str(cpus)}


def test_resources_are_those_of_the_item(shop: Workshop) -> None:
    """200 MB and 1 s of CPU in one item show in this item and in no other."""
    burn = shop.script(
        "burn",
        "import sys, time; block = b'x' * int(sys.argv[2])\n"
        "while time.process_time() < float(sys.argv[3]): pass\n"
        "open(sys.argv[1], 'w').write('x')",
    )
    small, large = ["1000", "0"], ["200000000", "1"]
    items = [shop.item("a", [burn, "a", *small]), shop.item("b", [burn, "b", *large])]
    outside = shop.item("c", [sys.executable, burn, "c", *large])
    _, records = shop.run(*items, outside, shop.item("d", [burn, "d", *small]))
    for name, heavy in {"a": False, "b": True, "c": True, "d": False}.items():
        assert (records[name]["max_rss_mb"] > 190) == heavy
        assert (records[name]["cpu_s"] > 0.9) == heavy
        assert not heavy or records[name]["wall_s"] > 0.9


# ---- what the items of a chunk load ----------------------------------------------------------


@pytest.fixture
def models(shop: Workshop) -> list[str]:
    """Two files for joblib, which note in `loaded` each time that one is read from disk."""
    joblib = pytest.importorskip("joblib")
    paths = [str(shop.path / name) for name in ("first.sav", "second.sav")]
    for path in paths:
        joblib.dump([path] * 3, path, compress=3)
    return paths


# Stands for lstchain_dl1_to_dl2: loads all models by path, writes what they say, or comes to grief.
PREDICT = """
import os, signal, sys, joblib, joblib.numpy_pickle as pickles
unpickle = pickles._unpickle
def noted(*args, **options):
    open({note!r}, 'a').write(os.path.basename(args[1]) + chr(10))
    return unpickle(*args, **options)
if not hasattr(pickles, 'noted'):
    pickles._unpickle, pickles.noted = noted, True
made, grief, *paths = sys.argv[1:]
models = [joblib.load(path) for path in paths]
open(made, 'w').write(repr(models))
if grief in ('1', '137'):
    sys.exit(int(grief)) if grief == '1' else os.kill(os.getpid(), signal.SIGKILL)
if grief == 'greedy' and hasattr(joblib.load, '__wrapped__'):  # too much, if all is kept
    raise MemoryError if os.environ.get('GENTLE') else os.kill(os.getpid(), signal.SIGKILL)
"""


class Loading:
    """Items that load the same models."""

    def __init__(self, shop: Workshop, models: list[str]) -> None:
        self.shop, self.models, self.note = shop, models, shop.path / "loaded"
        self.script = shop.script("predict", PREDICT.format(note=str(self.note)))

    def item(self, name: str, grief: str = "none") -> dict[str, Any]:
        command = [self.script, name, grief, *self.models]
        return self.shop.item(name, command, loads=self.models)

    def times(self) -> list[int]:
        """How often each model was read from disk."""
        lines = self.note.read_text().splitlines()
        return [lines.count(os.path.basename(path)) for path in self.models]

    def states(self, *items: dict[str, Any], **more: Any) -> str:
        """Initials of how the items ended, in order."""
        _, records = self.shop.run(*items, **more)
        return "".join(record["state"][0] for record in records.values())


@pytest.fixture
def loading(shop: Workshop, models: list[str]) -> Loading:
    return Loading(shop, models)


def test_a_chunk_loads_once(loading: Loading) -> None:
    assert loading.states(*map(loading.item, "abcd")) == "oooo"
    assert loading.times() == [1, 1]
    expected = repr([[path] * 3 for path in loading.models])
    for name in "abcd":
        assert (loading.shop.out / name).read_text() == expected
        log = (loading.shop.path / "logs" / f"{name}.log").read_text()
        assert [f"in memory already: {path}" in log for path in loading.models] == [name != "a"] * 2


def test_only_what_is_named_is_kept(loading: Loading) -> None:
    items = [{**loading.item(name), "loads": loading.models[:1]} for name in "abc"]
    assert loading.states(*items) == "ooo"
    assert loading.times() == [1, 3]


def test_nothing_is_kept_without_anybody_to_share_with(loading: Loading) -> None:
    """A single item takes the memory that the command takes by hand."""
    assert loading.states(loading.item("a", "greedy")) == "o"
    assert loading.states(*(loading.item(name, "greedy") for name in "bc"), warm=False) == "oo"
    assert loading.times() == [3, 3]


def test_a_bad_file_fails_alone_and_costs_one_load_at_most(loading: Loading) -> None:
    assert loading.states(loading.item("a"), loading.item("b", "1"), loading.item("c")) == "ofo"
    assert loading.times() == [1, 1]
    again = [loading.item(name, "1" if name == "d" else "none") for name in "def"]
    assert loading.states(*again) == "foo"
    assert loading.times() == [1 + 2, 1 + 2]
    assert loading.shop.published() == set("acef")


@pytest.mark.parametrize("gentle", ["", "yes"])
@pytest.mark.parametrize("greedy", ["a", "b", "c", "abc"])
def test_items_that_memory_does_not_suffice_for_are_done_without_keeping(
    loading: Loading, monkeypatch: pytest.MonkeyPatch, greedy: str, gentle: str
) -> None:
    """Killed, or told by malloc: what is kept for others is no reason to fail."""
    monkeypatch.setenv("GENTLE", gentle)
    items = [loading.item(name, "greedy" if name in greedy else "none") for name in "abcd"]
    assert loading.states(*items) == "oooo"
    assert set(loading.shop.result()["items"]) == set("abcd")  # a worker may be ahead of another
    assert loading.shop.published() == set("abcd")


@pytest.mark.parametrize("victim", "abc")
def test_an_item_that_is_killed_without_anything_kept_has_failed(
    loading: Loading, victim: str
) -> None:
    items = [loading.item(name, "137" if name == victim else "none") for name in "abc"]
    states = loading.states(*items)
    before = "abc".index(victim)
    assert states[: before + 1] == "o" * before + "f"
    record = loading.shop.result()["items"][victim]
    assert record["reason"] == "killed by SIGKILL, most likely for memory (in predict.py)"
    assert loading.shop.published() >= set("abc"[:before])


def test_environment_without_joblib(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.path / "site").mkdir()
    (shop.path / "site" / "joblib.py").write_text("raise ImportError('none here')")
    monkeypatch.setenv("PYTHONPATH", str(shop.path / "site"))
    items = [{**shop.good(name), "loads": ["/models/a.sav"]} for name in "ab"]
    _, records = shop.run(*items)
    assert [record["state"] for record in records.values()] == ["ok", "ok"]


def test_result_is_replaced_as_a_whole(shop: Workshop) -> None:
    """A reader that keeps reading never sees half a file, and sees the running item."""
    wait = shop.script("wait", WRITE + "; import time; time.sleep(0.05)")
    run = shop.start(*(shop.item(str(number), [wait, str(number)]) for number in range(10)))
    assert eventually((shop.path / "result.json").exists)
    states = set()
    while run.poll() is None:
        states |= {record["state"] for record in shop.result()["items"].values()}
    assert states == {"running", "ok"}
    assert [name for name in os.listdir(shop.path) if name.startswith(".")] == []


# ---- full disks ------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting is not permitted")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


FILL = "f = open('a', 'wb', buffering=0)\nfor i in range(80): f.write(bytes(1 << 20))"


@pytest.mark.parametrize("outside", [False, True])
def test_disk_full(shop: Workshop, small_disk: Path, outside: bool) -> None:
    command = [sys.executable, "-c", FILL] if outside else [shop.script("fill", FILL)]
    item = shop.item("a", command, scratch=str(small_disk / "scratch"))
    code, records = shop.run(item, shop.good("b"))
    assert code == 1
    assert records["a"]["reason"].startswith("disk full")
    assert "No space left on device" in records["a"]["reason"]
    assert records["a"]["cause"] == "disk full"
    assert not records["a"]["bad_data"]
    assert records["b"]["state"] == "ok"
    assert os.listdir(small_disk) == []


def test_disk_full_in_hdf5(shop: Workshop, small_disk: Path) -> None:
    pytest.importorskip("tables")
    code = (
        "import numpy, tables\nwith tables.open_file('a', 'w') as h5:\n"
        "    h5.create_array('/', 'x', numpy.random.random(10 << 20))"
    )
    item = shop.item("a", [shop.script("fill", code)], scratch=str(small_disk / "scratch"))
    item["products"][0]["check"] = {"hdf5": ["/x"]}
    _, records = shop.run(item)
    assert records["a"]["state"] == "failed"
    assert records["a"]["reason"].startswith("disk full")
    assert shop.published() == set()


def test_disk_full_for_the_result(shop: Workshop, small_disk: Path) -> None:
    fill = [sys.executable, "-c", FILL.replace("'a'", repr(str(small_disk / "filler")))]
    assert subprocess.run(fill, capture_output=True).returncode == 1
    spec = shop.spec(shop.good("a"), result=str(small_disk / "result.json"))
    done = subprocess.run([sys.executable, RUNNER, spec], capture_output=True, text=True)
    assert done.returncode == 3
    assert "disk full" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_failure_on_a_disk_with_room_is_not_put_down_to_it(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    if disk.f_bavail * disk.f_frsize < endings.LITTLE_SPACE:
        pytest.skip("the disk is full indeed")
    ending = base.outcome("failed", "x failed", bad_data=True)
    assert endings.refined(ending, ["some words"], str(tmp_path)) == ending
    found = endings.refined(ending, ["errno 122: Disk quota exceeded"], str(tmp_path))
    assert found["reason"] == "disk full: x failed (Disk quota exceeded)"
    assert (found["cause"], found["bad_data"]) == ("disk full", False)


# ---- specs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scratch": "relative"}, "'scratch' is not an absolute path"),
        ({"id": 3}, "'id' is not a string"),
        ({"commands": ["ls -l"]}, "not a list of strings"),
        ({"links": [["/a", "../b"]]}, "bad link"),
        ({"products": [{"made": "a", "final": "/b", "check": {"size": 3}}]}, "check 'size'"),
        ({"products": [{"made": "a", "final": "/b"}]}, "'check'"),
        ({"products": [{"made": "/a", "final": "/b", "check": {"file": True}}]}, "bad 'made'"),
        ({"verify": [["/a", {"sise": 3}]]}, "check 'sise'"),
        ({"verify": "/a"}, "form"),
        ({"loads": ["models/a.sav"]}, "bad file to load"),
    ],
)
def test_bad_item(shop: Workshop, change: dict[str, Any], message: str) -> None:
    assert_refused(shop.spec(shop.good("a") | change), message)


def test_product_inside_the_scratch_directory(shop: Workshop) -> None:
    assert_refused(shop.spec(shop.good("a") | {"scratch": str(shop.path)}), "inside the scratch")


def test_bad_spec(shop: Workshop) -> None:
    assert_refused(shop.spec(shop.good("a"), shop.good("a")), "used twice")
    assert_refused(shop.spec(shop.good("a"), cpus=0), "'cpus'")
    assert_refused(shop.spec(shop.good("a")), "no chunk 1", "1")
    assert_refused(shop.path / "absent.json", "cannot be read")
    (shop.path / "half.json").write_text('{"format": 1, "chu')
    assert_refused(shop.path / "half.json", "cannot be read")
    (shop.path / "half.json").write_text('{"format": 2}')
    assert_refused(shop.path / "half.json", "format 1")
    (shop.path / "half.json").write_text('{"format": 1, "chunks": [3]}')
    assert_refused(shop.path / "half.json", "form")


def assert_refused(spec: Path, message: str, *index: str) -> None:
    """The runner says one sentence and does nothing."""
    call = [sys.executable, RUNNER, spec, *index]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (spec.parent / "result.json").exists()


def test_chunk_of_the_array_task(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = json.loads(shop.spec(shop.good("a")).read_text())
    second = json.loads(shop.spec(shop.good("b")).read_text())
    path = shop.path / "spec.json"
    path.write_text(json.dumps({"format": 1, "chunks": spec["chunks"] + second["chunks"]}))
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "4711")
    assert subprocess.run([sys.executable, RUNNER, path]).returncode == 0
    assert shop.published() == {"b"}
    assert (shop.result()["array_index"], shop.result()["slurm_job"]) == (1, "4711")


def test_python_3_8_and_nothing_but_the_standard_library() -> None:
    trees = [ast.parse(path.read_text(), feature_version=(3, 8)) for path in RUNNER.glob("*.py")]
    top = [node for tree in trees for node in tree.body]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    # its own modules by their place: the folder is called by path
    outside = [node for node in top if isinstance(node, ast.ImportFrom) and not node.level]
    names |= {str(node.module) for node in outside}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


# ---- lstchain --------------------------------------------------------------------------------


@pytest.mark.chain
@pytest.mark.slow
@pytest.mark.parametrize("cpus", [1, 2])
def test_real_event(shop: Workshop, cpus: int) -> None:
    """The forks after the numba compilation make what the command line makes."""
    tables = pytest.importorskip("tables")
    if not REAL_EVENT.exists() or "lstchain_mc_r0_to_dl1" not in commands.console_scripts():
        pytest.skip("needs lstchain and the shared data")
    made = f"dl1_{REAL_EVENT.name.removesuffix('.simtel.zst')}.h5"
    command = ["lstchain_mc_r0_to_dl1", "-f", str(REAL_EVENT), "-o", "."]
    items = []
    for name in "abc":
        item = shop.item(name, command)
        item["products"][0] |= {"made": made, "check": DL1}
        items.append(item)
    _, records = shop.run(*items, cpus=cpus)
    assert [record["state"] for record in records.values()] == ["ok"] * 3, records
    script = Path(sys.executable).parent / command[0]
    subprocess.run([script, *command[1:]], cwd=shop.path, check=True, capture_output=True)
    with tables.open_file(shop.path / made) as expected:
        leaves = [leaf._v_pathname for leaf in expected.walk_nodes("/", "Leaf")]
        assert PARAMETERS in leaves
        for name in "abc":
            with tables.open_file(shop.out / name) as found:
                for leaf in leaves:
                    content = expected.get_node(leaf).read()
                    assert found.get_node(leaf).read().tobytes() == content.tobytes(), leaf
