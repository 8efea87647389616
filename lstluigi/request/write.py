"""A request written to disk: config, lstchain config and readme of a production."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.base import PathConfig
from lstluigi.request import readme
from lstluigi.request.draft import Draft, Start, draft
from lstluigi.request.known import named_sources, same_name
from lstluigi.request.places import RequestPaths, find_readme
from lstluigi.request.publish import publish, refuse

__all__ = ["Report", "add_readme", "write_request"]


@dataclass(frozen=True)
class Report:
    """What has been made, for the user.

    Parameters
    ----------
    drafts : mapping of str to Draft
        The productions by their prod_ids.
    origin : str
        What the lstchain configs started from.
    written : sequence of Path
        The files.
    directory : Path
        Where the request lies.
    readme_kept : bool
        Whether there was a readme that was left as it was.
    warnings : sequence of str
        What is to be known here and in no readme, which is public.
    """

    drafts: Mapping[str, Draft]
    origin: str
    written: Sequence[Path]
    directory: Path
    readme_kept: bool = False
    warnings: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Say it."""
        for prod_id, made in self.drafts.items():
            steps = ", ".join(f"{count} {stage}" for stage, count in made.steps.items())
            yield f"{prod_id}: {steps}"
            yield f"  lstchain config: {self.origin}" + (", with" if made.changes else "")
            yield from (f"    {change}" for change in made.changes)
        told = (notice for made in self.drafts.values() for notice in made.notices)
        yield from dict.fromkeys(told)
        yield from self.warnings
        yield "Written:"
        yield from (f"  {path}" for path in self.written)
        if self.readme_kept:
            yield f"{find_readme(self.directory)} was there and is left as it is."
        yield "Next: answer the questions of the readme, then type"
        homes = dict.fromkeys(path.parent for path in self.written if path.suffix != ".md")
        yield from (f"  lstluigi validate {shlex.quote(str(home))}" for home in homes)


def write_request(
    config: PathConfig,
    begun: Callable[[], Start],
    where: RequestPaths,
    command: Sequence[str],
    *,
    nsb: float | None = None,
    overwrite: bool = False,
) -> Report:
    """Write config, lstchain config and readme of a production, or nothing.

    Parameters
    ----------
    config : PathConfig
        The class with its arguments.
    begun : callable
        Gives what the lstchain config starts from; asked once files may be written.
    where : RequestPaths
        The files.
    command : sequence of str
        The command line, for the readme.
    nsb : float, optional
        Noise to add to waveforms, in GHz.
    overwrite : bool
        Replace files that exist.
    """
    refuse([where.config, where.lstchain], overwrite=overwrite)
    started = begun()
    made = draft(config, started, where.lstchain_name, where.config.parent, nsb)
    texts = {where.config: made.config, where.lstchain: made.lstchain}
    origin = readme.Origin(command, started.words, made.steps, made.changes, made.notices)
    kept = add_readme(texts, where.readme, config.prod_id, origin, overwrite=overwrite)
    publish(texts, overwrite=overwrite)
    report, home = {config.prod_id: made}, where.config.parent
    known = [*same_name(config.prod_id, home), *named_sources(config)]
    return Report(report, started.words, list(texts), home, kept, known)


def add_readme(
    texts: dict[Path, str], path: Path, title: str, origin: readme.Origin, *, overwrite: bool
) -> bool:
    """Add the readme, where there is none or only its last section is to be new.

    Returns
    -------
    bool
        Whether there is one that is left as it is.
    """
    if not path.exists():
        texts[path] = readme.template(title, origin)
        return False
    if overwrite:
        try:
            earlier = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise LstluigiError(f"{shown(str(path))} cannot be read ({error})") from None
        texts[path] = readme.brought_up_to_date(earlier, origin)
    return not overwrite
