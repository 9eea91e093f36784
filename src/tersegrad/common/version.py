"""The version, on the ground that everything may import."""

__version__ = "0.2.0"
