"""Holds a listening socket open and starts the server with it, again whenever
it ends, as a service manager with socket activation does (sd_listen_fds(3)).

usage: socket_parent.py [--unix PATH] BINARY ARGS...; prints `port N` first, then what the server
prints. With --unix there is a second socket, at that path.
Ends, with the server, on SIGTERM.
"""
import fcntl
import os
import signal
import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(4096)
print("port", listener.getsockname()[1], flush=True)
sockets = [listener]
command = sys.argv[1:]
if command[0] == "--unix":
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[1].bind(command[1])
    sockets[1].listen(4096)
    command = command[2:]

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
        # Above all that is in use first, so that none is overwritten by another.
        copies = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in sockets]
        for place, copy in enumerate(copies, 3):
            os.dup2(copy, place)
            os.close(copy)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)))
        os.execv(command[0], command)
    print("child", child, flush=True)
    os.waitpid(child, 0)
