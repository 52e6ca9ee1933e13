"""Find build artifacts, say exactly what deleting them frees, delete them only when told to."""

__version__ = "0.2.0"
