"""The configuration of a Slurm cluster whose daemons all run on this host (see slurm_lab)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# the partitions that stages ask for
PARTITIONS = {
    "short": "MaxTime=01:00:00",
    "long": "MaxTime=1-00:00:00",
    "xxl": "MaxTime=7-00:00:00",
}


@dataclass(frozen=True)
class Shape:
    """What a cluster shall be like; see `slurm_lab.SlurmLab`."""

    nodes: tuple[str, ...]
    cpus: int
    memory_mb: int
    accounting: bool
    max_array: int
    min_job_age: int
    partitions: Mapping[str, str]
    options: Mapping[str, str]
    cgroup: bool


def write_files(root: Path, shape: Shape, ports: Mapping[str, int]) -> None:
    """Write the configuration of all daemons, the key of munge and the directories they need."""
    for name in ("log", "state", "db", "tmp", *(f"spool/{node}" for node in shape.nodes)):
        (root / name).mkdir(parents=True, exist_ok=True)
    _write_secret(root / "munge.key", os.urandom(128))
    _write_secret(root / "slurmdbd.conf", _slurmdbd(root, ports["slurmdbd"]).encode())
    cgroup = ["CgroupPlugin=cgroup/v1"]  # without it slurmd looks for systemd, and dies
    if shape.cgroup:
        cgroup += ["ConstrainRAMSpace=yes", "ConstrainSwapSpace=yes", "AllowedSwapSpace=0"]
    (root / "cgroup.conf").write_text("\n".join(cgroup) + "\n")
    options = _options(root, shape, ports) | dict(shape.options)
    lines = [f"{key}={value}" for key, value in options.items()]
    host = socket.gethostname()
    lines += [
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[f'slurmd:{node}']} "
        f"CPUs={shape.cpus} RealMemory={shape.memory_mb}"
        for node in shape.nodes
    ]
    for number, (name, settings) in enumerate(shape.partitions.items()):
        default = "YES" if number == 0 else "NO"
        lines.append(f"PartitionName={name} Nodes=ALL Default={default} State=UP {settings}")
    (root / "slurm.conf").write_text("\n".join(lines) + "\n")


def _write_secret(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _slurmdbd(root: Path, port: int) -> str:
    options = {
        "DbdHost": "localhost",
        "DbdPort": str(port),
        "SlurmUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={root}/munge.socket",
        "PidFile": f"{root}/slurmdbd.pid",
        "StorageType": "accounting_storage/mysql",
        "StorageHost": "localhost",
        "StorageUser": "root",
        "StorageLoc": "slurm_acct_lab",
    }
    return "".join(f"{key}={value}\n" for key, value in options.items())


def _options(root: Path, shape: Shape, ports: Mapping[str, int]) -> dict[str, str]:
    return (
        _daemon_options(root, ports)
        | _job_options(shape)
        | (_accounting_options(root, ports) if shape.accounting else {})
    )


def _daemon_options(root: Path, ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "ClusterName": "lab",
        "SlurmctldHost": f"{socket.gethostname()}(127.0.0.1)",
        "SlurmctldPort": str(ports["slurmctld"]),
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={root}/munge.socket",
        "CredType": "cred/munge",
        "StateSaveLocation": f"{root}/state",
        "SlurmctldPidFile": f"{root}/slurmctld.pid",
        "SlurmdSpoolDir": f"{root}/spool/%n",
        "SlurmdPidFile": f"{root}/slurmd.%n.pid",
        "SlurmdLogFile": f"{root}/log/slurmd.%n.log",
        "SlurmdParameters": "config_overrides",
        "MailProg": "/bin/true",
        "ReturnToService": "2",
        "SlurmdTimeout": "10",
        "MessageTimeout": "10",
    }


def _job_options(shape: Shape) -> dict[str, str]:
    """Options that schedule quickly, so that a test waits for what it tests."""
    return {
        "ProctrackType": "proctrack/cgroup" if shape.cgroup else "proctrack/linuxproc",
        "TaskPlugin": "task/cgroup" if shape.cgroup else "task/none",
        "SwitchType": "switch/none",
        "MpiDefault": "none",
        "JobAcctGatherType": "jobacct_gather/linux",
        "JobAcctGatherFrequency": "task=1",
        "JobAcctGatherParams": "NoOverMemoryKill" if shape.cgroup else "OverMemoryKill",
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": "sched_interval=1,sched_min_interval=0,batch_sched_delay=0,"
        "bf_interval=1,default_queue_depth=1000",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CPU_Memory",
        "DefMemPerCPU": "100",
        "KillWait": "2",
        "MaxArraySize": str(shape.max_array),
        "MinJobAge": str(shape.min_job_age),
    }


def _accounting_options(root: Path, ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": "localhost",
        "AccountingStoragePort": str(ports["slurmdbd"]),
        "AccountingStoragePass": f"{root}/munge.socket",
        "AccountingStorageEnforce": "associations,limits,qos",
        "AccountingStoreFlags": "job_comment,job_script,job_env",
    }
