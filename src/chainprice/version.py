"""The release, read by the build and by `chainprice --version`."""

__version__ = "0.1.0"
