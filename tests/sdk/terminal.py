"""Runs a program in a pseudo-terminal: python3 terminal.py COLUMNS LINES PROGRAM ARGUMENT...

What comes on standard input is typed into it, what it writes to the terminal goes to standard output.
When it has ended, one line on standard error says how: its exit code, and whether the terminal's settings
are what they were before. Only the standard library is needed.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def main() -> None:
    columns, lines = int(sys.argv[1]), int(sys.argv[2])
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    before = termios.tcgetattr(terminal)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        for descriptor in (0, 1, 2):
            os.dup2(terminal, descriptor)
        os.execvp(sys.argv[3], sys.argv[3:])
    typed = [sys.stdin.fileno()]
    status = None
    while True:
        ready, _, _ = select.select([controller] + typed, [], [], 0.1)
        if controller in ready:
            os.write(sys.stdout.fileno(), os.read(controller, 65536))
            continue
        if typed and typed[0] in ready:
            keys = os.read(typed[0], 65536)
            if keys:
                os.write(controller, keys)
            else:
                typed = []
        if status is not None:
            break
        ended, status_of = os.waitpid(child, os.WNOHANG)
        # One more round takes what it wrote last.
        status = status_of if ended else None
    restored = termios.tcgetattr(terminal) == before
    print(f"exit {os.waitstatus_to_exitcode(status)}, restored {restored}", file=sys.stderr)


if __name__ == "__main__":
    main()
