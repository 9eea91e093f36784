"""``python -m tersegrad`` is the command ``tersegrad``."""

from .cli import main

if __name__ == "__main__":  # MPI's and multiprocessing's workers import this module, too
    main()
