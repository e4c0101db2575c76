"""What happens in one directory, by inotify."""
import ctypes
import os
import select
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
IN_MOVED_TO = 0x80
IN_DELETE = 0x200


class Inotify:
    """Names in a directory that something happens to."""

    def __init__(self, directory, mask=IN_MOVED_TO):
        self.fd = LIBC.inotify_init1(os.O_CLOEXEC)
        if LIBC.inotify_add_watch(self.fd, directory.encode(), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", directory)

    def wait(self, timeout_s):
        if not select.select([self.fd], [], [], timeout_s)[0]:
            raise TimeoutError("nothing happens in the directory")
        data = os.read(self.fd, 65536)
        names = []
        while data:
            length = struct.unpack_from("iIII", data)[3]
            names.append(data[16:16 + length].rstrip(b"\0").decode())
            data = data[16 + length:]
        return names

    def close(self):
        os.close(self.fd)
