"""Command lines of Slurm, and what they print: pure, beside one function that runs them."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lstluigi.jobs.script import job_script
from lstluigi.jobspec import Array, ArrayFiles, Resources

#: A command that has not answered by then (s) is ended; Slurm's own patience is 10 to 20 s.
TIMEOUT = 50.0
#: What a name or a comment may be long (slurmctld refuses 1024).
LONGEST_TEXT = 900
#: squeue leaves out hidden partitions unless it is asked for them.
ALL_JOBS = ("squeue", "--noheader", "--all", "--states=all")
SQUEUE_FORMAT = "%F|%K|%T|%r|%N|%j"
SACCT_FIELDS = "JobID,State,ExitCode,NodeList,JobName"
ACCOUNT_FIELDS = (
    "JobID,JobName,Partition,Account,State,ExitCode,Submit,Start,End,Elapsed,AllocCPUS,ReqMem,"
    "MaxRSS,TotalCPU,NodeList"
)
#: How Slurm says that it does not answer; what was asked may have been done all the same.
SILENT = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Connection refused",
    "Connection timed out",
    "Transport endpoint is not connected",
    "Message receive failure",
    "Unexpected message received",
    "Slurm backup controller in standby mode",
    "Resource temporarily unavailable",
    "temporarily unable to accept job",
    "Unable to establish controller machine",
    "Slurm temporarily unable",
    "Communication connection failure",
    "Invalid job credential",
    "authentication",
)
#: Variables by which Slurm's commands find their cluster, and say who they are.
CONNECTION = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT")
#: What sacct says in place of nodes for a job that has not had any.
NO_NODE = "None assigned"
#: The other way to ask for memory; sbatch takes only one of them.
PER_CPU = "mem-per-cpu"
#: How it says that a limit on the number of jobs is reached.
FULL = ("job submit limit", "MaxSubmitJob", "submit limit")


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def silent(self) -> bool:
        """Did Slurm not answer, so that nothing is known?"""
        return self.code != 0 and any(words.lower() in self.err.lower() for words in SILENT)

    @property
    def full(self) -> bool:
        """Was a limit on the number of jobs reached?"""
        return self.code != 0 and any(words in self.err for words in FULL)

    @property
    def words(self) -> str:
        """Everything it said, each line once: the reason may be in any of them."""
        lines = [line.strip() for line in (self.err or self.out).splitlines()]
        plain = [re.sub(r"^\w+: (error|warning): ", "", line) for line in lines if line]
        return "; ".join(dict.fromkeys(plain)) or f"exit code {self.code}"


class Run(Protocol):
    """Runs a command of Slurm."""

    def __call__(self, argv: Sequence[str], text: str = "") -> Answer:
        """Run it with `text` on its standard input."""


def run(argv: Sequence[str], text: str = "") -> Answer:
    """Run a command of Slurm, in an environment that cannot change what it does."""
    kept = {k: v for k, v in os.environ.items() if k in CONNECTION or not _meddles(k)}
    kept["SLURM_BITSTR_LEN"] = "0"  # lists of array tasks in full
    try:
        done = subprocess.run(
            list(argv),
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
            env=kept,
            start_new_session=True,  # Ctrl-C is for the run: a submission is not cut in two
        )
    except subprocess.TimeoutExpired:
        return Answer(1, "", f"{argv[0]}: error: Socket timed out (no answer in {TIMEOUT:.0f} s)")
    except OSError as error:
        return Answer(127, "", f"{argv[0]} cannot be run ({error.strerror})")
    return Answer(done.returncode, done.stdout, done.stderr)


def _meddles(name: str) -> bool:
    """A run that is a job itself has SLURM_* of its own; SBATCH_* would change the requests.

    What the user wants by them is honoured or named, see `wishes`.
    """
    return name.startswith(("SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SACCT_", "SINFO_"))


def user_name() -> str:
    """Who submits: the name, or the number where it has none here, as in some containers."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


# submission


def sbatch(
    array: Array, options: Mapping[str, str], throttle: int | None, arrays: bool = True
) -> list[str]:
    """Command line that submits an array; its script goes to standard input.

    Parameters
    ----------
    arrays
        Whether the site has arrays of jobs; else this one has one chunk, and is a plain job.
    """
    last = len(array.chunks) - 1
    elements = f"0-{last}" + f"%{throttle}" * bool(throttle and last >= throttle)
    # Slurm takes `%` in this path for the start of a placeholder
    output = ArrayFiles(array.id, array.directory.replace("%", "%%")).output("%a" if arrays else 0)
    own = {
        "parsable": "",
        "no-requeue": "",
        "job-name": array.name[:LONGEST_TEXT],
        "comment": _comment(array),
        **({"array": elements} if arrays else {}),
        "output": output,
        "error": output,
        "open-mode": "append",
        "chdir": "/",
    }
    given = {**options, **own}
    return [
        "sbatch",
        *(f"--{name}={value}" if value else f"--{name}" for name, value in given.items()),
    ]


def _comment(array: Array) -> str:
    """What the array makes: its first product, and how many items there are."""
    items = [item for chunk in array.chunks for item in chunk.items]
    first = next((product.final for item in items for product in item.products), items[0].id)
    told = f"lstluigi, {len(items)} item(s) from {first}"
    return re.sub(r"[^\x20-\x7e]|\|", "?", told)[:LONGEST_TEXT]  # sacct separates by bars


def sbatch_options(resources: Resources) -> dict[str, str]:
    """Resources as options of sbatch."""
    options = dict(resources.options)
    options["cpus-per-task"] = str(resources.cpus)
    if resources.memory_mb is not None and PER_CPU in options:
        options[PER_CPU] = f"{max(1, resources.memory_mb // resources.cpus)}M"
    elif resources.memory_mb is not None:
        options["mem"] = f"{resources.memory_mb}M"
    return options


def trial(resources: Resources) -> list[str]:
    """The command that asks whether Slurm would take a job, and submits none."""
    options = sbatch_options(resources)
    argv = [f"--{name}={value}" if value else f"--{name}" for name, value in options.items()]
    return ["sbatch", "--test-only", *argv]


def script(array: Array) -> str:
    """What a chunk of the array runs."""
    return job_script(array, '"${SLURM_ARRAY_TASK_ID:-0}"')


def parse_submission(out: str) -> str:
    """Job id that ``sbatch --parsable`` prints, ``123`` or ``123;cluster``; empty if there is none.

    A site's wrappers and plugins add remarks before and behind it, and may hide ``--parsable``.
    """
    for form in (r"(\d+)(?:;[\w.-]+)?", r"Submitted batch job (\d+)\b.*"):
        found = [match[1] for x in out.splitlines() if (match := re.fullmatch(form, x.strip()))]
        if found:
            return found[-1]
    return ""


# following


@dataclass(frozen=True)
class Row:
    """A line of squeue or sacct: some elements of an array that are in one state."""

    job: str
    elements: str
    state: str
    reason: str = ""
    nodes: str = ""
    name: str = ""
    exit_code: str = ""


def squeue(user: str) -> list[str]:
    """All jobs of a user, also those that ended a short time ago, and in hidden partitions."""
    return [*ALL_JOBS, f"--user={user}", f"--format={SQUEUE_FORMAT}"]


def parse_squeue(out: str) -> Iterator[Row]:
    """Rows of squeue in `SQUEUE_FORMAT`; lines of another form are left out.

    So are jobs that another cluster of a federation has taken over: ``--all`` lists them, too.
    """
    for line in out.splitlines():
        fields = line.strip().split("|", 5)  # a name may hold anything, so it comes last
        if len(fields) == 6 and fields[0].isdecimal() and fields[2] != "REVOKED":
            yield Row(*fields)


def sacct(jobs: Iterable[str], since: str, fields: str = SACCT_FIELDS) -> list[str]:
    """Accounting of jobs, by their ids; `since` is a date."""
    where = [f"--starttime={since}", f"--jobs={','.join(jobs)}", f"--format={fields}"]
    return ["sacct", "--noheader", "--parsable2", "--allocations", *where]


def parse_sacct(out: str) -> Iterator[Row]:
    """Rows of sacct in `SACCT_FIELDS`."""
    for line in out.splitlines():
        fields = line.strip().split("|", 4)  # a name may hold anything, so it comes last
        if len(fields) < 5:
            continue
        job, _, elements = fields[0].partition("_")
        nodes = "" if fields[3] == NO_NODE else fields[3]
        if job.isdecimal():
            yield Row(job, elements, fields[1], "", nodes, fields[4], fields[2])


def scontrol(job: str) -> list[str]:
    """All that the controller knows of a job, by its id: a line for each of its elements."""
    return ["scontrol", "--all", "--oneliner", "show", "job", job]


def parse_scontrol(out: str) -> Iterator[Row]:
    """Rows of ``scontrol show job`` on single lines."""
    for line in out.splitlines():
        told: dict[str, str] = dict(re.findall(r"(?<!\S)(\w+)=(\S+)", line))
        job = told.get("ArrayJobId", told.get("JobId", ""))
        if job.isdecimal():
            elements, state = told.get("ArrayTaskId", ""), told.get("JobState", "")
            name, code = told.get("JobName", ""), told.get("ExitCode", "")
            yield Row(job, elements, state, name=name, exit_code=code)


def scancel(jobs: Mapping[str, Sequence[int]], arrays: bool = True) -> Iterator[list[str]]:
    """Command lines that cancel elements of arrays (or plain jobs), a hundred at a time."""
    names = [
        f"{job}_[{compact(elements)}]" if arrays else job
        for job, elements in jobs.items()
        if elements
    ]
    for start in range(0, len(names), 100):
        yield ["scancel", *names[start : start + 100]]


def indices(row: Row, arrays: bool) -> Iterator[int]:
    """Chunks that a row is about; a plain job does the only one of its array."""
    return expand(row.elements) if arrays else iter((0,))


def expand(elements: str) -> Iterator[int]:
    """Numbers of a list of array elements, such as ``[3-6,9%2]`` or ``4``; none for ``N/A``."""
    for part in elements.strip("[]").partition("%")[0].split(","):
        if match := re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part):
            first = int(match[1])
            yield from range(first, int(match[2] or first) + 1, int(match[3] or 1))


def compact(elements: Iterable[int]) -> str:
    """Numbers as a list of array elements, the inverse of `expand`."""
    parts: list[list[int]] = []
    for number in sorted(set(elements)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in parts)
