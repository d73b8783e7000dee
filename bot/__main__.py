"""`python -m bot` is the `nervecheck` command."""

from bot.cli import main

main()
