"""nng's REQ on a plain socket, which unlike nng's own can be closed: for who has to go."""
import socket
import struct
from urllib.parse import urlsplit

GREETING = b"\0SP\0\0\x30\0\0"
ANSWER = b"\0SP\0\0\x31\0\0"


class Req:
    def __init__(self, url):
        place = urlsplit(url)
        self._socket = socket.create_connection((place.hostname, place.port), 60)
        self._socket.sendall(GREETING)
        assert self._read(len(ANSWER)) == ANSWER
        self._asked = 0

    def _read(self, size):
        data = b""
        while len(data) < size:
            chunk = self._socket.recv(size - len(data))
            if not chunk:
                raise ConnectionError("closed by the other side")
            data += chunk
        return data

    def ask(self, question, timeout=60):
        self.send(question, timeout)
        size, = struct.unpack(">Q", self._read(8))
        answer = self._read(size)
        assert answer[:4] == struct.pack(">I", 1 << 31 | self._asked), answer[:4]
        return answer[4:]

    def send(self, question, timeout=60):
        self._socket.settimeout(timeout)
        self._asked += 1
        message = struct.pack(">I", 1 << 31 | self._asked) + question
        self._socket.sendall(struct.pack(">Q", len(message)) + message)

    def close(self):
        self._socket.close()
