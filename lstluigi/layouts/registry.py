"""Config classes by name: lstluigi's own, those of files, modules and installed packages."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from lstluigi import layouts
from lstluigi.config.section import meant
from lstluigi.errors import LstluigiError, shown
from lstluigi.layouts.base import PathConfig

__all__ = ["GROUP", "arguments", "create", "find", "names"]

#: Entry-point group in which installed packages name their classes.
GROUP = "lstluigi.path_configs"
#: Bases of others, which make nothing themselves.
BASES = ("PathConfig", "PathConfigAllSkyBase")
TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _own() -> dict[str, type[PathConfig]]:
    return {name: getattr(layouts, name) for name in layouts.__all__ if name not in BASES}


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names() -> tuple[str, ...]:
    """Names of lstluigi's classes, and of those that installed packages offer."""
    return tuple(dict.fromkeys((*_own(), *_installed())))


def find(name: str) -> type[PathConfig]:
    """Find a config class.

    Parameters
    ----------
    name : str
        One of `names`, ``module:Class``, or ``file.py:Class``.

    Raises
    ------
    LstluigiError
        There is none, or it cannot be loaded.
    """
    place, colon, attribute = name.rpartition(":")
    own = _own()
    if not colon:
        if name in own:
            return own[name]
        if point := _installed().get(name):
            return _config_class(_module(point.module), point.attr, f"the entry point {name}")
        mend = f"there are {', '.join(names())}; or name your own as module:Class or file.py:Class"
        raise LstluigiError(
            f"there is no config class {shown(name)}{_meant(name, names())}; {mend}"
        )
    module = _file(Path(place)) if place.endswith(".py") else _module(place)
    return _config_class(module, attribute, shown(place))


def _meant(name: str, known: tuple[str, ...]) -> str:
    """Say which known name is meant, if any is like it."""
    near = meant(name, known)
    return f" (write {near!r})" if near is not None else ""


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise LstluigiError(
            f"the module {shown(name)} cannot be imported ({_reason(error)}); name one that is "
            "installed or on PYTHONPATH, or a file as file.py:Class"
        ) from None


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise LstluigiError(f"there is no file {shown(str(path))}; name one that is there")
    name = f"lstluigi_path_config_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LstluigiError(f"{shown(str(path))} is no Python file; name one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise LstluigiError(
            f"{shown(str(path))} cannot be loaded ({_reason(error)}); mend it"
        ) from None
    return module


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {shown(str(error))[1:-1]}"


def _config_class(module: ModuleType, name: str, place: str) -> type[PathConfig]:
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, PathConfig):
        return found
    there = tuple(
        key
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, PathConfig)
        and value.__module__ == module.__name__
    )
    if found is not None:
        raise LstluigiError(
            f"{shown(name)} in {place} is no config class; derive it from lstluigi.layouts."
            "PathConfig or one of its classes"
        )
    have = f"; it has {', '.join(there)}" if there else "; it has no config class of its own"
    raise LstluigiError(f"{place} has no class {shown(name)}{_meant(name, there)}{have}")


def arguments(kind: type[PathConfig]) -> dict[str, inspect.Parameter]:
    """Return the arguments of a config class by name, those it hands on to its bases included.

    Parameters
    ----------
    kind : type
        The class.
    """
    found: dict[str, inspect.Parameter] = {}
    for parameters in _signatures(kind):
        for parameter in parameters:
            found.setdefault(parameter.name, parameter)
    return found


def _signatures(kind: type[PathConfig]) -> Iterator[list[inspect.Parameter]]:
    """Yield the parameters of each __init__, up to the first that hands none on."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(base.__init__).parameters.values()  # type: ignore[misc]
        yield [parameter for parameter in parameters if parameter.kind not in variable]
        if all(parameter.kind != inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            return


def create(
    kind: type[PathConfig], given: Mapping[str, Any], typed: Callable[[str], str] = str
) -> PathConfig:
    """Make a config of a class.

    Parameters
    ----------
    kind : type
        The class.
    given : mapping of str to object
        Its arguments by name; text is read where a truth value is meant.
    typed : callable
        Says how the user gives an argument.

    Raises
    ------
    LstluigiError
        An argument is unknown or missing, or does not fit.
    """
    known = {name: p for name, p in arguments(kind).items() if name not in kind.no_choice}
    takes = f"{kind.__name__} takes {', '.join(known)}"
    for name in given:
        if name in kind.no_choice:
            what = f"{typed(name)} is no choice of {kind.__name__}"
            raise LstluigiError(f"{what}: {kind.no_choice[name]}; leave it away")
        if name not in known:
            have = [other for other, cls in _own().items() if name in arguments(cls)]
            near = [other for other in have if other.startswith(kind.__name__)]
            mend = _who_has(near) or _meant(name, tuple(known)) or _who_has(have)
            raise LstluigiError(f"{kind.__name__} has no argument {shown(name)}{mend}; {takes}")
    empty = inspect.Parameter.empty
    lacking = [name for name, p in known.items() if p.default is empty and name not in given]
    if lacking:
        raise LstluigiError(f"{kind.__name__} needs {' and '.join(map(typed, lacking))}; {takes}")
    return kind(**{name: _value(known[name], value) for name, value in given.items()})


def _who_has(names: list[str]) -> str:
    return f" ({', '.join(names)} {'has' if len(names) == 1 else 'have'} it)" if names else ""


def _value(parameter: inspect.Parameter, value: Any) -> Any:
    if not isinstance(parameter.default, bool) or not isinstance(value, str):
        return value
    if value.lower() not in TRUTHS:
        raise LstluigiError(f"{parameter.name} is {shown(value)}; write true or false")
    return TRUTHS[value.lower()]
