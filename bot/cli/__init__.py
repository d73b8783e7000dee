"""The command line: one module per noun. Commands parse arguments, call a use case and print; they decide nothing.

Exit status: 0 done, 1 refused (the message gives the reason and what to do), 2 misused (arguments or settings).
"""

import typer

from bot.cli.alert import app as alert_commands
from bot.cli.backup import add_to as add_backup
from bot.cli.checkin import app as checkin_commands
from bot.cli.dead import app as dead_commands
from bot.cli.errors import ReportingGroup
from bot.cli.export import add_to as add_export
from bot.cli.keys import app as keys_commands
from bot.cli.levels import add_to as add_levels
from bot.cli.migrate import add_to as add_migrate
from bot.cli.patient import app as patient_commands
from bot.cli.plan import app as plan_commands
from bot.cli.play import add_to as add_play
from bot.cli.protocol import app as protocol_commands
from bot.cli.replay import add_to as add_replay
from bot.cli.rota import app as rota_commands
from bot.cli.run import add_to as add_run
from bot.cli.staff import app as staff_commands
from bot.cli.work import app as task_commands

app = typer.Typer(
    name="nervecheck",
    cls=ReportingGroup,
    help="Ask patients on immunotherapy how their nerves are, and turn a red flag into a phone call.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_run(app)
add_levels(patient_commands)
add_replay(patient_commands)
app.add_typer(patient_commands, name="patient")
app.add_typer(plan_commands, name="plan")
app.add_typer(checkin_commands, name="checkin")
app.add_typer(alert_commands, name="alert")
app.add_typer(task_commands, name="task")
app.add_typer(task_commands, name="work", hidden=True)  # the former name, kept for one version
app.add_typer(staff_commands, name="staff")
app.add_typer(rota_commands, name="rota")
app.add_typer(protocol_commands, name="protocol")
add_export(app)
add_play(app)
app.add_typer(keys_commands, name="keys")
add_migrate(app)
add_backup(app)
app.add_typer(dead_commands, name="dead")


def main() -> None:
    """Run the command given on the command line and exit with its status."""
    app()
