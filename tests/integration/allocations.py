"""What a program asks its allocator for, counted by tests/counts/allocation_shim.c."""
import contextlib
import os
import struct

from fleet import BUILD_DIR

SHIM = os.path.abspath(os.path.join(BUILD_DIR, "tests/liballocation_shim.so"))


class Allocations:
    def __init__(self, path):
        self.path = path
        with open(SHIM, "rb"):
            pass  # it must be there: a preload that is missing is only a warning

    @contextlib.contextmanager
    def of_what_starts(self):
        """A program that is started within is counted."""
        os.environ.update(LD_PRELOAD=SHIM, GANTRY_ALLOCATIONS=self.path)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"], os.environ["GANTRY_ALLOCATIONS"]

    def counts(self):
        """Calls, and the bytes that they asked for."""
        with open(self.path, "rb") as file:
            return struct.unpack("<QQ", file.read(16))


def is_sanitized():
    """A sanitizer has an allocator of its own, and wants to be the first library."""
    with open(os.path.join(BUILD_DIR, "CMakeCache.txt"), encoding="utf-8") as file:
        return any("CMAKE_C_FLAGS:" in line and "-fsanitize=" in line for line in file)
