"""Stock libnng by ctypes: the REQ and SUB sockets of the tests.

They are the foreign clients that prove the broker's wire. A socket is never closed: nng 1.5.2 may
hang in nng_close() of a socket that is in use, so a test program leaves by leave() instead.
"""
import ctypes
import os
import sys

_nng = ctypes.CDLL("libnng.so.1")

FLAG_ALLOC = 1
FLAG_NONBLOCK = 2
ETIMEDOUT = 5


class _Socket(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32)]


_nng.nng_req0_open.argtypes = [ctypes.POINTER(_Socket)]
_nng.nng_sub0_open.argtypes = [ctypes.POINTER(_Socket)]
_nng.nng_dial.argtypes = [_Socket, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
_nng.nng_send.argtypes = [_Socket, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_nng.nng_recv.argtypes = [_Socket, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t),
                          ctypes.c_int]
_nng.nng_free.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_nng.nng_socket_set_ms.argtypes = [_Socket, ctypes.c_char_p, ctypes.c_int32]
_nng.nng_socket_set.argtypes = [_Socket, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]
_nng.nng_strerror.argtypes = [ctypes.c_int]
_nng.nng_strerror.restype = ctypes.c_char_p


class NngError(Exception):
    def __init__(self, code):
        super().__init__(_nng.nng_strerror(code).decode())
        self.code = code


class NngTimeout(NngError):
    pass


def _check(code):
    if code == ETIMEDOUT:
        raise NngTimeout(code)
    if code != 0:
        raise NngError(code)


def _nng_url(url):
    """nng calls a unix socket ipc."""
    return url.replace("unix://", "ipc://", 1)


class _Base:
    def __init__(self, opener, url):
        self._socket = _Socket()
        _check(opener(ctypes.byref(self._socket)))
        self._set_ms(b"reconnect-time-min", 50)
        self._set_ms(b"reconnect-time-max", 500)
        self._url = _nng_url(url).encode()

    def _set_ms(self, name, milliseconds):
        _check(_nng.nng_socket_set_ms(self._socket, name, milliseconds))

    def _dial(self):
        _check(_nng.nng_dial(self._socket, self._url, None, FLAG_NONBLOCK))

    def _receive(self, timeout):
        self._set_ms(b"recv-timeout", int(timeout * 1000))
        data = ctypes.c_void_p()
        size = ctypes.c_size_t()
        _check(_nng.nng_recv(self._socket, ctypes.byref(data), ctypes.byref(size), FLAG_ALLOC))
        try:
            return ctypes.string_at(data, size.value)
        finally:
            _nng.nng_free(data, size)


class Req(_Base):
    """Asks one question at a time. nng repeats it by itself when the connection breaks."""

    def __init__(self, url):
        super().__init__(_nng.nng_req0_open, url)
        self._dial()

    def ask(self, question, timeout=60):
        self.send(question, timeout)
        return self._receive(timeout)

    def send(self, question, timeout=60):
        """Ask without taking the answer."""
        self._set_ms(b"send-timeout", int(timeout * 1000))
        _check(_nng.nng_send(self._socket, question, len(question), 0))


class Sub(_Base):
    """Follows a feed: everything that begins with `topic`."""

    def __init__(self, url, topic=b""):
        super().__init__(_nng.nng_sub0_open, url)
        _check(_nng.nng_socket_set(self._socket, b"sub:subscribe", topic, len(topic)))
        self._dial()

    def next(self, timeout=60):
        return self._receive(timeout)


def leave(status):
    """End the program without nng's own tidying up, which may hang."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
