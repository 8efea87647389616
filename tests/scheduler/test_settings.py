"""Each of Luigi's own settings works, is overruled with a sentence, or is refused."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import signal
from collections.abc import Callable
from pathlib import Path

import luigi
import pytest
from harness import Run, allow, events, wait_for
from luigi import configuration

from lstluigi.errors import LstluigiError
from lstluigi.scheduler import settings
from lstluigi.scheduler.settings import RULES

Start = Callable[..., Run]

#: Sections on e-mails, luigid's web server and its metrics: nothing in them changes how a run goes.
OTHERS = {"batch_email", "cors", "email", "sendgrid", "smtp", "datadog", "prometheus"}

#: A value other than the default for each setting that works.
WORKS = {
    "core": {
        "lock_size": "2",
        "no_lock": "false",
        "take_lock": "true",
        "log_level": "ERROR",
        "workers": "3",
        "parallel_scheduling_processes": "2",
        "local_scheduler": "true",
        "scheduler_host": "example.invalid",
        "scheduler_port": "9",
        "scheduler_url": "http://example.invalid:9/",
        "module": "fake_tasks",
        "help": "false",
        "help_all": "false",
        "assistant": "false",
        "lock_pid_dir": "locks",
        "logging_conf_file": "",
    },
    "worker": {
        "id": "mine",
        "ping_interval": "0.3",
        "count_uniques": "true",
        "count_last_scheduled": "true",
        "wait_interval": "0.1",
        "wait_jitter": "0.1",
        "max_keep_alive_idle_duration": "1 s",
        "max_reschedules": "0",
        "task_limit": "100",
        "retry_external_tasks": "true",
        "send_failure_email": "false",
        "no_install_shutdown_handler": "true",
        "check_unfulfilled_deps": "true",
        "check_complete_on_run": "false",
        "force_multiprocessing": "true",
        "cache_task_completion": "true",
    },
    "scheduler": {
        "remove_delay": "0",
        "worker_disconnect_delay": "0",
        "state_path": "state",
        "batch_emails": "true",
        "max_shown_tasks": "1",
        "max_graph_nodes": "1",
        "record_task_history": "true",
        "prune_on_get_work": "true",
        "pause_enabled": "false",
        "send_messages": "false",
        "stable_done_cooldown_secs": "1000",
        "disable_window": "1",
        "disable_hard_timeout": "1",
        "disable_persist": "1",
    },
    "retcode": {
        "already_running": "11",
        "missing_data": "21",
        "not_run": "26",
        "task_failed": "31",
        "scheduling_error": "36",
        "unhandled_exception": "41",
    },
    "execution_summary": {"summary_length": "1"},
}
OVERRULED = {
    "core": {"parallel_scheduling": "true"},
    "worker": {"keep_alive": "true", "timeout": "1", "task_process_context": "no.such.Context"},
    "scheduler": {
        "retry_delay": "0.1",
        "retry_count": "1",
        "metrics_collector": "datadog",
        "metrics_custom_import": "no.such",
    },
}
REFUSED = [
    *(("core", "workers", value) for value in ("many", "0", "-1")),
    *(("core", "lock_size", value) for value in ("0", "x")),
    *(("core", key, "x") for key in ("scheduler_port", "log_level", "parallel_scheduling")),
    ("core", "assistant", "true"),
    ("core", "lock_pid_dir", "/dev/null/locks"),
    ("core", "logging_conf_file", "no-such-file"),
    ("core", "parallel_scheduling_processes", "-1"),
    *(("worker", key, "0") for key in ("ping_interval", "wait_interval", "task_limit")),
    *(("worker", key, "-1") for key in ("ping_interval", "wait_interval", "wait_jitter")),
    *(("worker", key, "x") for key in ("keep_alive", "max_keep_alive_idle_duration", "timeout")),
    *(("scheduler", key, "x") for key in ("retry_delay", "remove_delay", "metrics_collector")),
    *(("retcode", "task_failed", value) for value in ("256", "-1", "x")),
    ("execution_summary", "summary_length", "x"),
]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> configuration.LuigiConfigParser:
    """Luigi's configuration of this process, which forgets what a test sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "_said", set())
    monkeypatch.setattr(settings.InterfaceLogging, "_configured", False)
    own = configuration.LuigiConfigParser()
    monkeypatch.setattr(configuration.LuigiConfigParser, "_instance", own)
    return own


def written(settings_of: dict[str, dict[str, str]]) -> str:
    """The text of a luigi.cfg."""
    lines = []
    for section, values in settings_of.items():
        lines += [f"[{section}]", *(f"{name}={value}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def test_every_setting_of_luigi_has_a_rule() -> None:
    for module in pkgutil.iter_modules(luigi.__path__):
        if module.name not in ("contrib", "mypy", "tools", "__main__"):
            try:
                importlib.import_module(f"luigi.{module.name}")
            except ImportError:  # of a library that is not installed
                continue
    found = {
        cls
        for cls in luigi.Config.__subclasses__()
        if cls.__module__.startswith("luigi.") and "contrib" not in cls.__module__
    }
    assert {cls.get_task_family() for cls in found} - OTHERS == {
        cls.get_task_family() for cls in RULES
    }
    for cls, rules in RULES.items():
        assert set(rules) == {name for name, _ in cls.get_params()}, cls


def test_every_rule_is_tried_here() -> None:
    for cls, rules in RULES.items():
        section = cls.get_task_family()
        works, overruled = WORKS.get(section, {}), OVERRULED.get(section, {})
        assert not works.keys() & overruled.keys()
        assert works.keys() | overruled.keys() == set(rules)


@pytest.mark.parametrize(("task", "code", "text"), [("Many", 0, "ok"), ("Chain", 31, "bad")])
def test_what_works_works(tmp_path: Path, start: Start, task: str, code: int, text: str) -> None:
    (tmp_path / "luigi.cfg").write_text(written(WORKS))
    allow(tmp_path, "job0", "job1", "job2", "first", text=text)
    run = start(task)
    assert run.wait() == code, run.text
    assert "Traceback" not in run.text
    assert "no effect" not in run.text


@pytest.mark.parametrize(("task", "code", "text"), [("Many", 0, "ok"), ("Chain", 30, "bad")])
def test_what_is_overruled_is_said_once(
    tmp_path: Path, start: Start, task: str, code: int, text: str
) -> None:
    (tmp_path / "luigi.cfg").write_text(written(OVERRULED))
    allow(tmp_path, "job0", "job1", "job2", "first", text=text)
    run = start(task, "--local-scheduler")
    assert run.wait() == code, run.text
    assert "Traceback" not in run.text
    for section, values in OVERRULED.items():
        for name in values:
            assert run.text.count(f"{name} in [{section}] is") == 1, run.text


def test_a_flag_is_overruled_too(tmp_path: Path, start: Start) -> None:
    allow(tmp_path, "job0")
    run = start("Many", "--count", "1", "--local-scheduler", "--parallel-scheduling")
    assert run.wait() == 0, run.text
    assert run.text.count("parallel_scheduling in [core] is") == 1


@pytest.mark.parametrize(("section", "name", "value"), REFUSED)
def test_what_cannot_work_is_refused(
    config: configuration.LuigiConfigParser, section: str, name: str, value: str
) -> None:
    config.set(section, name, value)
    with pytest.raises(LstluigiError) as refused:
        settings.check({})
    assert f"{name} in [{section}]" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_it_is_refused_under_its_older_name_too(config: configuration.LuigiConfigParser) -> None:
    config.set("core", "worker-timeout", "x")
    with pytest.raises(LstluigiError):
        settings.check({})


@pytest.mark.parametrize(
    ("name", "text"), [("luigi.cfg", "[retcode]\ntask_failed=x\n"), ("flag", "")]
)
def test_the_command_refuses_in_a_sentence(
    tmp_path: Path, start: Start, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    run = start("Many", "--local-scheduler", *(["--workers", "0"] if name == "flag" else []))
    assert run.wait() == 2
    assert "Traceback" not in run.text
    assert events(tmp_path) == []


def test_parallel_scheduling_from_python_is_overruled(
    config: configuration.LuigiConfigParser, caplog: pytest.LogCaptureFixture
) -> None:
    done = type("Done", (luigi.Task,), {"complete": lambda self: True, "__module__": __name__})
    with caplog.at_level(logging.WARNING, "lstluigi"):
        result = luigi.build([done()], local_scheduler=True, parallel_scheduling=True)
    assert result
    assert "parallel_scheduling" in caplog.text


def test_a_run_that_is_asked_to_take_no_more_work_ends_what_it_has(
    tmp_path: Path, start: Start
) -> None:
    """Luigi's take_lock sends SIGUSR1 to the run that is there."""
    run = start("Many", "--local-scheduler", "--workers", "1")
    wait_for(lambda: events(tmp_path))
    run.kill(signal.SIGUSR1)
    allow(tmp_path, events(tmp_path)[0].split()[1])
    assert run.wait() == 25, run.text
    assert len([line for line in events(tmp_path) if line.startswith("start")]) == 1
