"""Messages between the desk and the examiner: a JSON header and any number of byte strings.

Each message is a length of four bytes and as many bytes of JSON, {"head": ..., "sizes": [...]}, followed by
byte strings of these sizes.
"""

import json
import socket
import struct
from typing import Any

LARGEST = 2**28  # bytes of one message
LENGTH = struct.Struct("!I")


class Hangup(BaseException):
    """The other side is gone. No case of a test may take it for an exception of the student's."""


class NoMessage(Hangup):
    """The other side sent what is no message."""


def send(connection: socket.socket, head: Any, blobs: list[bytes] = ()) -> None:
    """Send one message. Raises Hangup when nobody is there."""
    text = json.dumps({"head": head, "sizes": [len(blob) for blob in blobs]}).encode()
    try:
        connection.sendall(b"".join([LENGTH.pack(len(text)), text, *blobs]))
    except OSError as error:
        raise Hangup(str(error)) from error


def receive(connection: socket.socket) -> tuple[Any, list[bytes]]:
    """The next message: its head, which may be anything JSON can say, and its byte strings."""
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    try:
        message = json.loads(_exactly(connection, length))
        sizes = message["sizes"]
        whole = isinstance(sizes, list) and all(type(size) is int and size >= 0 for size in sizes)
        if not whole or sum(sizes) > LARGEST:
            raise ValueError
        return message["head"], [_exactly(connection, size) for size in sizes]
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise NoMessage("it sent something that is no message") from error


def _exactly(connection: socket.socket, size: int) -> bytes:
    if size > LARGEST:
        raise NoMessage("it sent more than a message may hold")
    parts = []
    while size:
        try:
            part = connection.recv(min(size, 1 << 20))
        except OSError as error:
            raise Hangup(str(error)) from error
        if not part:
            raise Hangup("the connection was closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
