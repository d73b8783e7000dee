"""Files that commands create: never overwrites, readable by their owner alone, removed on failure."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import typer


@contextlib.contextmanager
def new_file(path: Path | None, option: str) -> Iterator[IO[str] | None]:
    """Create and open a file; yield None for None. BadParameter, naming the option, if that fails or it exists."""
    if path is None:
        yield None
        return
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise typer.BadParameter(f"{path} already exists: choose a new file", param_hint=option) from None
    except OSError as error:
        raise typer.BadParameter(f"{path} can't be written: {error.strerror}", param_hint=option) from None
    try:
        with file:
            path.chmod(0o600)
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
