"""What jobs ask of a cluster: usual resources, the production's settings, the step's requests."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lstluigi.errors import Refused
from lstluigi.jobs.slurm import wishes
from lstluigi.jobs.slurm.commands import PER_CPU
from lstluigi.jobs.slurm.site import Site
from lstluigi.jobs.states import Cause
from lstluigi.jobspec import Partition, Resources, SlurmSettings, parse_memory

#: How much more is asked for after it was too little.
MORE_MEMORY, MORE_TIME = 1.5, 2.0
#: Memory (MB) that is taken to be usual where neither step nor site says it.
USUAL_MEMORY_MB = 4000
#: Options that say a job's memory in other ways; sbatch takes one of the three.
PER_GPU = "mem-per-gpu"


class Requests:
    """Turns a stage's usual resources into what is asked for at a site.

    Parameters
    ----------
    settings
        Of the production and its site profile.
    site
        What Slurm says of itself.
    """

    def __init__(self, settings: SlurmSettings, site: Site) -> None:
        self._settings, self._site = settings, site
        self._wishes = wishes.honoured(os.environ)

    def asked(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """Usual resources, then the production's, then the step's own, for this site.

        Raises
        ------
        Refused
            Where the site cannot give them.
        """
        asked = self._wanted(kind, usual, requests)
        if over := list(self._over(asked)):
            if self._settings.over_limits != "lower":
                mend = "ask for less or for another partition, or set over_limits: lower"
                raise Refused("; ".join(over), mend)
            asked = self._within_limits(asked)
        return asked

    def lowered(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> list[str]:
        """What `asked` has lowered to the limits, a sentence for each."""
        if self._settings.over_limits != "lower":
            return []
        return list(self._over(self._wanted(kind, usual, requests)))

    def _wanted(self, kind: str, usual: Resources, requests: Mapping[str, str]) -> Resources:
        """What is asked for by the names of this site, whatever its limits."""
        settings = self._settings
        own = {"account": settings.account, "qos": settings.qos}
        general = {key: value for key, value in own.items() if value is not None}
        asked = usual
        layers = (
            *(self._wishes, {**general, **settings.options}),
            *(settings.stages.get(kind, {}), requests),
        )
        for layer in layers:
            asked = _with_memory(asked.updated(layer), layer)
        name = dict(asked.options).get("partition")
        if name is not None:
            here = self._translated(name)
            asked = asked.updated({"partition": here})
        if account := self._account(dict(asked.options).get("account", "")):
            asked = asked.updated({"account": account})
        longest = self.limits(asked).time_s
        if asked.time_s == math.inf and longest is not None:
            asked = asked.timed(longest)
        return asked

    def _account(self, name: str) -> str:
        """The site's name of an account; empty where nobody names one."""
        known = self._settings.accounts
        return known.get(name, known.get("", name))

    def _translated(self, names: str) -> str:
        """Partitions as the site calls them; several may be given."""
        known = self._settings.partitions
        here = [known[n].name if n in known else n for n in names.split(",")]
        for name in here:
            if self._site.partitions and name not in self._site.partitions:
                there = ", ".join(sorted(self._site.partitions))
                raise Refused(
                    f"partition {name!r} does not exist here (there are: {there})",
                    "name one of them, or map it under slurm_config, key partitions",
                )
        return ",".join(dict.fromkeys(here))

    @staticmethod
    def _partitions(asked: Resources) -> list[str]:
        return dict(asked.options).get("partition", "").split(",")

    def _within_limits(self, asked: Resources) -> Resources:
        limits = self.limits(asked)
        if limits.cpus is not None:
            asked = replace(asked, cpus=min(asked.cpus, limits.cpus))
        if limits.memory_mb is not None and asked.memory_mb is not None:
            asked = replace(asked, memory_mb=min(asked.memory_mb, limits.memory_mb))
        if limits.time_s is not None and asked.time_s is not None:
            asked = asked.timed(min(asked.time_s, limits.time_s))
        return asked

    def _over(self, asked: Resources) -> Iterator[str]:
        """What would wait for ever in the queue."""
        limits = self.limits(asked)
        where = dict(asked.options).get("partition", "the default partition")
        time = asked.time_s
        if time is not None and limits.time_s is not None and time > limits.time_s:
            given = dict(asked.options)["time"]
            hours = f"{limits.time_s / 3600:g} hours"
            yield f"time {given} is more than partition {where} allows ({hours})"
        for what, wish, limit, unit in (
            ("memory", asked.memory_mb, limits.memory_mb, " MB"),
            ("cpus-per-task", asked.cpus, limits.cpus, ""),
        ):
            if wish is not None and limit is not None and wish > limit:
                most = f"({limit}{unit})"
                yield f"{what} {wish}{unit} is more than a node of partition {where} has {most}"

    def limits(self, asked: Resources) -> Partition:
        """Limits of where this goes: the profile's word, else Slurm's; the smallest of several."""
        names = self._partitions(asked)
        given = {partition.name: partition for partition in self._settings.partitions.values()}
        found = [
            partition
            for name in names
            for partition in (given.get(name), self._site.partitions.get(name))
            if partition is not None
        ]
        return Partition(
            ",".join(names),
            time_s=min((p.time_s for p in found if p.time_s is not None), default=None),
            memory_mb=min((p.memory_mb for p in found if p.memory_mb is not None), default=None),
            cpus=min((p.cpus for p in found if p.cpus is not None), default=None),
        )

    def again(self, asked: Resources, cause: Cause, host: str) -> Resources | None:
        """More memory, more time, or another node; None where the limit is reached."""
        if cause is Cause.MEMORY:
            return self._more_memory(asked)
        if cause is Cause.TIME:
            return self._more_time(asked)
        if cause in (Cause.NODE, Cause.LAUNCH, Cause.COMMAND) and host:
            return self._elsewhere(asked, host)
        return asked

    def _elsewhere(self, asked: Resources, host: str) -> Resources:
        """Without this node, too, as long as half of the partition is left."""
        excluded = [*filter(None, dict(asked.options).get("exclude", "").split(",")), host]
        names = self._partitions(asked)
        nodes = min(
            (n for name, n in self._site.nodes.items() if name in names or names == [""]),
            default=None,
        )
        if host in excluded[:-1] or (nodes is not None and 2 * len(excluded) > nodes):
            return asked
        return asked.updated({"exclude": ",".join(excluded)})

    def _more_memory(self, asked: Resources) -> Resources | None:
        if PER_GPU in dict(asked.options):
            return None
        had = asked.memory_mb or (self._site.memory_mb or USUAL_MEMORY_MB) * asked.cpus
        limit = self.limits(asked).memory_mb
        more = math.ceil(had * MORE_MEMORY)
        if limit is not None:
            more = min(more, limit)
        return replace(asked, memory_mb=more) if more > had else None

    def _more_time(self, asked: Resources) -> Resources | None:
        had = asked.time_s
        limit = self.limits(asked).time_s
        if had is None:
            usual = self._site.default_time_s
            names = self._partitions(asked)
            had = min((usual[n] for n in names if n in usual), default=limit or math.inf)
        more = had * MORE_TIME
        if limit is not None:
            more = min(more, limit)
        return asked.timed(more) if more > had else None


def _with_memory(asked: Resources, layer: Mapping[str, str]) -> Resources:
    """Memory by the latest word on it, for the whole job: it is compared with a node's, and grows.

    A site that wants to be asked for the memory of each core gets it so, whoever says how much it
    is: the option stays among the others as the way to ask.
    """
    options = dict(asked.options)
    if PER_GPU in layer:
        return replace(asked.without(PER_CPU), memory_mb=None)
    if "mem" in layer:
        way = {PER_CPU: ""} if PER_CPU in options else {}  # the amount is that of the whole job
        return asked.without(PER_GPU).updated(way)
    if not options.get(PER_CPU) or not layer.keys() & {PER_CPU, "cpus-per-task"}:
        return asked
    each = parse_memory(options[PER_CPU])
    return replace(asked.without(PER_GPU), memory_mb=each * asked.cpus)
