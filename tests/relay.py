"""A line to a server that can be cut and mended, as cables and proxies are: real connections, really closed."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """Carries bytes between a port of its own and a server's; while it is cut, it closes whatever comes."""

    def __init__(self, url: str) -> None:
        to = urlsplit(url)
        self._to = (str(to.hostname), int(to.port or 80))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._cut = False
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Close every connection, and every one that comes from now on."""
        with self._lock:
            self._cut = True
            for end in self._open:
                _shut(end)

    def mend(self) -> None:
        """Carry again."""
        with self._lock:
            self._cut = False

    def close(self) -> None:
        """End for good."""
        self.cut()
        _shut(self._listening)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listening.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        with self._lock:
            if self._cut:
                near.close()
                return
            far = socket.create_connection(self._to)
            self._open |= {near, far}
        thread = threading.Thread(target=self._connect, args=(near, far), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _connect(self, near: socket.socket, far: socket.socket) -> None:
        """Carry both ways until either end has had enough."""
        back = threading.Thread(target=_carry, args=(far, near), daemon=True)
        back.start()
        _carry(near, far)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """A relay to a server for as long as the block lasts."""
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()
