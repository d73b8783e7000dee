"""New files that commands write: never over one that is there, readable by their owner alone, gone again on failure."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import typer


@contextlib.contextmanager
def new_file(path: Path | None, option: str) -> Iterator[IO[str] | None]:
    """Open a file that isn't there yet; None gives None. BadParameter, naming the option, when it is there."""
    if path is None:
        yield None
        return
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise typer.BadParameter(f"{path} is there already: name a new file", param_hint=option) from None
    except OSError as error:
        raise typer.BadParameter(f"{path} can't be written: {error.strerror}", param_hint=option) from None
    try:
        with file:
            path.chmod(0o600)
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
