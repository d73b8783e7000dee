"""The short names of team members as arguments of commands. Looks nobody up."""

from typing import Annotated

import typer

from bot.app.team.members import NAME


def staff_name(value: str) -> str:
    """Return a valid short name of a team member; BadParameter for anything else."""
    if not NAME.fullmatch(value):
        raise typer.BadParameter(
            f"{value!r} is not a valid short name: use up to 32 letters, digits, '.', '_' and '-', such as lead-2"
        )
    return value


ByOption = Annotated[
    str, typer.Option("--by", callback=staff_name, help="Short name of the team member who does this.")
]
