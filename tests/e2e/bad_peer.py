#!/usr/bin/env python3
"""A peer that is no Pegasus server: bad_peer.py http|silent|garbage|huge|close

Listens on a free port of the loopback interface, prints it, and answers every connection wrongly
until it is ended."""
import socket
import sys
import threading

ANSWERS = {
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "garbage": bytes((i * 73 + 41) % 256 for i in range(4096)),
    "huge": b"\x7f\xff\xff\xff\x00\x00\x00\x06ERR_OK",
    "close": None,
}


def serve(connection, mode):
    try:
        connection.recv(4096)
        if mode == "close":
            connection.close()
            return
        if mode in ANSWERS:
            connection.sendall(ANSWERS[mode])
        while connection.recv(4096):
            pass
    except OSError:
        pass


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, sys.argv[1]), daemon=True).start()


main()
