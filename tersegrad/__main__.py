"""``python -m tersegrad`` is the command ``tersegrad``."""

from .cli import main

main()
