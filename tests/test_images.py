"""Files of figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lstluigi.display import IMAGES, free_to_write, save
from lstluigi.errors import LstluigiError


def test_what_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(LstluigiError, match="exists"):
        free_to_write(tmp_path / "a.png")
    free_to_write(tmp_path / "a.png", overwrite=True)
    with pytest.raises(LstluigiError, match=r"has to end in one of \.png, \.pdf, \.svg"):
        free_to_write(tmp_path / "a.gif")
    with pytest.raises(LstluigiError, match="has to end in"):
        free_to_write(tmp_path / "png")
    free_to_write(tmp_path / "a.html", formats=(*IMAGES, ".html"))


def test_an_image_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    class Broken(Figure):
        def savefig(self, *args: object, **kwargs: object) -> None:
            Path(str(args[0])).write_text("half")
            raise OSError("disk full")

    with pytest.raises(LstluigiError, match=r"a\.png cannot be written .disk full"):
        save(Broken(), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
    save(Figure(), tmp_path / "new" / "a.pdf")
    assert (tmp_path / "new" / "a.pdf").read_bytes().startswith(b"%PDF")
