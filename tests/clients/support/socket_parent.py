"""Holds a listening socket open and starts the server with it, again whenever
it ends, as a service manager with socket activation does (sd_listen_fds(3)).

usage: socket_parent.py BINARY ARGS...; prints `port N` first, then what the server prints.
Ends, with the server, on SIGTERM.
"""
import os
import signal
import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(4096)
print("port", listener.getsockname()[1], flush=True)

child = 0


def end(*_):
    global listener
    listener = None
    if child:
        os.kill(child, signal.SIGKILL)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
while listener:
    child = os.fork()
    if child == 0:
        if listener.fileno() != 3:
            os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execv(sys.argv[1], sys.argv[1:])
    print("child", child, flush=True)
    os.waitpid(child, 0)
