"""`python -m bot` is `valetkey`."""

from bot.cli import main

main()
