"""Command lines of Slurm, and what it prints, as literal text (see facts/slurm.md, squeue(1))."""

from __future__ import annotations

import json
import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstluigi.jobs.slurm import commands
from lstluigi.jobs.slurm.commands import Answer, Row, compact, expand
from lstluigi.jobspec import Array, Chunk, Environment, Item, Product, Resources

#: What Slurm says when it does not answer (facts/slurm.md).
NO_ANSWER = [
    "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect "
    "failure)",
    "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
    "squeue: error: Socket timed out on send/recv operation",
    "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
    "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n"
    "sbatch: error: Batch job submission failed: Resource temporarily unavailable",
]
#: What it says when it will never take a job.
REFUSED = [
    "Invalid partition name specified",
    "Invalid account or account/partition combination specified",
    "Invalid qos specification",
    "Requested node configuration is not available",
    "Invalid job array specification",
    "Pathname of a file, directory or other parameter too long",
]
LIMIT = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"


def array(chunks: int = 3, directory: str = "/logs/run-1", title: str = "merge") -> Array:
    resources = Resources(2, 4000, (("partition", "long"),))
    item = Item("a", (), (), "/scratch", "/a.log")
    each = Chunk([item], resources, Environment())
    return Array("run-1", directory, [each] * chunks, title)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4", [4]),
        ("[3-6%2]", [3, 4, 5, 6]),
        ("[1,3,5-7%10]", [1, 3, 5, 6, 7]),
        ("3-6%2", [3, 4, 5, 6]),
        ("[0-8:4]", [0, 4, 8]),
        ("[7]", [7]),
        ("N/A", []),
        ("", []),
        ("[1,3,5-...]", [1, 3]),
        ("4.batch", []),
        ("[6-3]", []),
    ],
)
def test_elements_of_arrays(text: str, numbers: list[int]) -> None:
    assert list(expand(text)) == numbers


@given(st.sets(st.integers(0, 1000)))
def test_compact_and_expand_are_inverse(numbers: set[int]) -> None:
    for text in (compact(numbers), f"[{compact(numbers)}]", f"[{compact(numbers)}%7]"):
        assert list(expand(text)) == sorted(numbers)


@given(st.sets(st.integers(0, 100), min_size=1))
def test_compact_has_no_two_ranges_where_one_would_do(numbers: set[int]) -> None:
    runs = sum(n - 1 not in numbers for n in numbers)
    assert len(compact(numbers).split(",")) == runs


def test_rows_of_squeue() -> None:
    out = (
        "12|[3-6%2]|PENDING|Priority||merge.run-1\n"
        "12|2|RUNNING|None|n1|merge.run-1\n"
        "13|N/A|PENDING|ReqNodeNotAvail, UnavailableNodes:n[1-2]||with | and blanks \n"
        "12|1|FAILED|NonZeroExitCode|n2|merge.run-1\n"
        "slurm_load_jobs error: something\n"
        "14|0|RUNN\n"
        "\n"
    )
    assert list(commands.parse_squeue(out)) == [
        Row("12", "[3-6%2]", "PENDING", "Priority", "", "merge.run-1"),
        Row("12", "2", "RUNNING", "None", "n1", "merge.run-1"),
        Row(
            "13", "N/A", "PENDING", "ReqNodeNotAvail, UnavailableNodes:n[1-2]", "",
            "with | and blanks",
        ),
        Row("12", "1", "FAILED", "NonZeroExitCode", "n2", "merge.run-1"),
    ]  # fmt: skip


def test_rows_of_sacct() -> None:
    out = (
        "12_3|FAILED|9:0|n1|merge.run-1\n"
        "12_4|CANCELLED by 1000|0:0|None assigned|merge.run-1\n"
        "12_[5-7%2]|PENDING|0:0|None assigned|merge.run-1\n"
        "12_3.batch|FAILED|9:0|n1|batch\n"
        "13|COMPLETED|0:0|n2|a|b\n"
        "13.extern|COMPLETED|0:0|n2|extern\n"
        "14_0|COMPL\n"
    )
    rows = list(commands.parse_sacct(out))
    known = {(r.job, n): (r.state, r.exit_code, r.nodes) for r in rows for n in expand(r.elements)}
    assert known == {
        ("12", 3): ("FAILED", "9:0", "n1"),
        ("12", 4): ("CANCELLED by 1000", "0:0", ""),
        **{("12", n): ("PENDING", "0:0", "") for n in (5, 6, 7)},
    }
    assert [row.name for row in rows if row.job == "13"] == ["a|b"]


@pytest.mark.parametrize(
    ("out", "job"),
    [
        ("123\n", "123"),
        ("123;lapalma\n", "123"),
        ("lua: your project has 3 h left\n123\n", "123"),
        ("123\nthe queue is long today: 40 jobs\n", "123"),
        ("123;lapalma\n\n*** 3 h left ***\n", "123"),
        ("Submitted batch job 123 (charged to lst)\n", "123"),
        ("3 h left\n", ""),
        ("", ""),
    ],
)
def test_the_id_that_sbatch_prints(out: str, job: str) -> None:
    assert commands.parse_submission(out) == job


@pytest.mark.parametrize(
    ("chunks", "throttle", "elements"),
    [(1, None, "0-0"), (3, None, "0-2"), (3, 2, "0-2%2"), (3, 3, "0-2"), (1, 1, "0-0")],
)
def test_elements_that_sbatch_is_given(chunks: int, throttle: int | None, elements: str) -> None:
    argv = commands.sbatch(array(chunks), {}, throttle)
    assert argv[0] == "sbatch"
    assert f"--array={elements}" in argv


def test_our_own_options_beat_given_ones() -> None:
    taken = {"array": "0-9", "requeue": "", "output": "/x", "job-name": "x", "chdir": "/x"}
    argv = commands.sbatch(array(), {"exclusive": "", "nice": "10", **taken}, None)
    last = {word.partition("=")[0]: word for word in argv}
    assert last["--array"] == "--array=0-2"
    assert last["--output"] == last["--error"].replace("error", "output")
    assert last["--output"] == "--output=/logs/run-1/chunk-%a.log.out"
    assert last["--job-name"] == "--job-name=merge.run-1"
    assert argv.index("--no-requeue") > argv.index("--requeue")
    assert "--exclusive" in argv
    assert "--nice=10" in argv
    assert len(argv) == len(set(argv))


def test_resources_as_options() -> None:
    asked = Resources(4, 2000, (("partition", "long"),))
    assert commands.sbatch_options(asked) == {
        "partition": "long",
        "cpus-per-task": "4",
        "mem": "2000M",
    }
    assert "mem" not in commands.sbatch_options(Resources())


def test_the_script_takes_the_chunk_from_slurm() -> None:
    text = commands.script(array(directory="/log s/é"))
    assert text.startswith("#!/bin/bash\n")
    assert '"${SLURM_ARRAY_TASK_ID:-0}"' in text
    assert "'/log s/é'" in text


def test_cancelling_goes_in_chunks() -> None:
    jobs = {str(n): [0, 1, 2, 5] for n in range(250)}
    lines = list(commands.scancel({**jobs, "999": []}))
    assert [line[0] for line in lines] == ["scancel"] * 3
    assert max(len(line) for line in lines) <= 101
    assert [word for line in lines for word in line[1:]] == [f"{n}_[0-2,5]" for n in range(250)]
    assert list(commands.scancel({})) == []


@pytest.mark.parametrize("said", NO_ANSWER)
def test_no_answer_is_no_refusal(said: str) -> None:
    answer = Answer(1, "", said)
    assert answer.silent
    assert not answer.full


@pytest.mark.parametrize("said", REFUSED)
def test_a_refusal_is_an_answer(said: str) -> None:
    answer = Answer(1, "", f"sbatch: error: Batch job submission failed: {said}\n")
    assert not answer.silent
    assert not answer.full
    assert answer.words == f"Batch job submission failed: {said}"


def test_a_limit_on_jobs_is_told_from_a_refusal() -> None:
    answer = Answer(1, "", f"sbatch: error: Batch job submission failed: {LIMIT}")
    assert answer.full
    assert not answer.silent


def test_success_is_neither() -> None:
    answer = Answer(0, "7\n", NO_ANSWER[0])
    assert not answer.silent
    assert not answer.full


def test_a_plain_job_where_there_are_no_arrays() -> None:
    argv = commands.sbatch(array(), {}, 5, arrays=False)
    assert not [word for word in argv if word.startswith("--array")]
    assert f"--output={array().output(0)}" in argv
    assert list(commands.scancel({"7": [0], "8": []}, arrays=False)) == [["scancel", "7"]]
    row = commands.Row("7", "N/A", "RUNNING")
    assert (list(commands.indices(row, False)), list(commands.indices(row, True))) == ([0], [])


def test_rows_of_scontrol() -> None:
    lines = (
        "JobId=41 ArrayJobId=40 ArrayTaskId=0 JobName=a.run-1 UserId=me(1) JobState=RUNNING "
        "Reason=None ExitCode=0:0 BatchHost=n1\n"
        "JobId=40 ArrayJobId=40 ArrayTaskId=1-3%2 JobName=a.run-1 JobState=PENDING ExitCode=0:0\n"
        "JobId=50 JobName=b.run-2 JobState=FAILED ExitCode=0:53\n"
    )
    found = [
        (r.job, r.elements, r.state, r.name, r.exit_code) for r in commands.parse_scontrol(lines)
    ]
    assert found == [
        ("40", "0", "RUNNING", "a.run-1", "0:0"),
        ("40", "1-3%2", "PENDING", "a.run-1", "0:0"),
        ("50", "", "FAILED", "b.run-2", "0:53"),
    ]


def test_words_are_all_that_was_said() -> None:
    said = "sbatch: error: ask by --mem-per-cpu\nsbatch: error: two\nsbatch: error: two\n\n"
    assert Answer(1, "", said).words == "ask by --mem-per-cpu; two"
    unknown = "sbatch: unrecognized option '--foo=bar'"  # Slurm 22.05
    advice = 'Try "sbatch --help" for more information'
    assert Answer(255, "", f"{unknown}\n{advice}\n").words == f"{unknown}; {advice}"
    assert Answer(1, "only here\n", "").words == "only here"
    assert Answer(3, "", " \n").words == "exit code 3"


def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {
        **{"SBATCH_PARTITION": "x", "SLURM_JOB_ID": "1", "SLURM_CLUSTERS": "x", "SQUEUE_SORT": "x"},
        **{"SACCT_FORMAT": "x", "SCANCEL_STATE": "x", "SINFO_PARTITION": "x"},
    }
    for name, value in {**ours, "SLURM_CONF": "/etc/here", "OTHER": "kept"}.items():
        monkeypatch.setenv(name, value)
    program = "import json, os, sys; json.dump([dict(os.environ), sys.stdin.read()], sys.stdout)"
    answer = commands.run([sys.executable, "-c", program], "of é")
    environment, text = json.loads(answer.out)
    assert not ours.keys() & environment.keys()
    assert environment["SLURM_CONF"] == "/etc/here"
    assert environment["OTHER"] == "kept"
    assert environment["SLURM_BITSTR_LEN"] == "0"
    assert text == "of é"


def test_a_user_without_an_entry_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is started with the user's id; squeue takes either."""
    assert commands.user_name() == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    assert commands.user_name() == "3999999999"


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    answer = commands.run([str(tmp_path / "sbatch")])
    assert answer.code == 127
    assert "cannot be run" in answer.words
    assert not answer.silent


def test_a_command_that_does_not_end_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIMEOUT", 0.05)
    assert commands.run(["sleep", "60"]).silent


def test_percent_in_a_path_is_no_placeholder() -> None:
    argv = commands.sbatch(array(directory="/logs/50%j/run-1"), {}, None)
    assert "--output=/logs/50%%j/run-1/chunk-%a.log.out" in argv


def test_the_comment_says_what_is_made() -> None:
    made = array(2)
    product = Product("x.h5", "/data/gamma|1\n/x.h5", {"file": True})
    items = [replace(item, products=[product]) for item in made.chunks[0].items]
    chunks = [replace(chunk, items=items) for chunk in made.chunks]
    argv = commands.sbatch(replace(made, chunks=chunks), {}, None)
    assert "--comment=lstluigi, 2 item(s) from /data/gamma?1?/x.h5" in argv
