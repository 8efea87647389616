"""What is known of a production of the library; plain data, as the index keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

__all__ = ["PRODUCTS", "Production"]

#: Kinds of products that analysers use directly, besides models.
PRODUCTS = ("dl2", "irf", "sensitivity")


@dataclass(frozen=True)
class Production:
    """One production: the configs of one directory that share a prod_id.

    What could not be known is None or empty.

    Parameters
    ----------
    name : str
        Its directory, relative to the library's.
    directory : str
        Absolute path of its directory.
    configs : list of str
        File names of its production configs.
    lstchain_config : str, optional
        Path of its lstchain config.
    prod_id, prod_type, environment : str, optional
        As the config has them (the environment's conda name).
    date : str, optional
        YYYY-MM-DD, from the first name that holds one: prod_id, directory, config.
    lstchain : str, optional
        Version, from the first that holds one: environment, prod_id, directory, config's name.
    lines : list of str
        Training declination lines, such as ``dec_2276``.
    nodes : dict of str to list of str
        Names of pointing nodes, one for each pointing: of each training line, and of the test
        nodes (key ``test``).
    tuning : dict
        ``waveform_nsb_tuning`` and ``image_modifier`` of the lstchain config.
    levels : list of float
        NSB levels (GHz, or the older ratio): of an active waveform tuning, or in a name.
    stages : dict of str to int
        Steps of each stage that the configs hold.
    stages_to_run : list of str
        Those that are run.
    models : dict of str to bool
        Directories of models, each with whether this production trains them.
    products : dict of str to dict of str to int
        For each of `PRODUCTS`: directories (above those of nodes), each with its files.
    readme : str, optional
        File name of the readme.
    title, text : str
        Its first heading or line, and all of it.
    problems : list of str
        Why something is not known, or keeps the production from running; sentences.
    example : bool
        It is a worked example, a template or a toy: nobody has made it to be used.
    """

    name: str
    directory: str
    configs: list[str] = field(default_factory=list)
    lstchain_config: str | None = None
    prod_id: str | None = None
    prod_type: str | None = None
    environment: str | None = None
    date: str | None = None
    lstchain: str | None = None
    lines: list[str] = field(default_factory=list)
    nodes: dict[str, list[str]] = field(default_factory=dict)
    tuning: dict[str, dict[str, Any]] = field(default_factory=dict)
    levels: list[float] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=dict)
    stages_to_run: list[str] = field(default_factory=list)
    models: dict[str, bool] = field(default_factory=dict)
    products: dict[str, dict[str, int]] = field(default_factory=dict)
    readme: str | None = None
    title: str = ""
    text: str = ""
    problems: list[str] = field(default_factory=list)
    example: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return its fields by name."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Production:
        """Read what `to_json` gave.

        Raises
        ------
        ValueError
            It is something else.
        """
        if set(content) != _NAMES:
            raise ValueError("no production")
        for name, kinds in _KINDS.items():
            if not isinstance(content[name], kinds):
                raise ValueError(f"{name} of a production")
        return cls(**content)


_NAMES = frozenset(item.name for item in fields(Production))
_KINDS: dict[str, tuple[type, ...]] = {
    item.name: {"str": (str,), "str | None": (str, type(None)), "bool": (bool,)}.get(
        str(item.type), (dict,) if str(item.type).startswith("dict") else (list,)
    )
    for item in fields(Production)
}
