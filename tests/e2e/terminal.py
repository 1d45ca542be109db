"""terminal.py COMMAND... -- [TEXT LINE]...: runs the command on a terminal of its own.

Once a TEXT was printed (what came before it counts as read), its LINE is typed; one that begins
with '!' is a command of the shell, done instead. Prints what was shown, and exits as the command.
"""
import os, pty, select, sys, time
command, talk = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown, read, until = b"", 0, time.monotonic() + 60
while time.monotonic() < until:
    if talk and shown.find(talk[0].encode(), read) >= 0:
        read = len(shown)
        if talk[1].startswith("!"):
            os.system(talk[1][1:])
        else:
            os.write(terminal, talk[1].encode() + b"\n")
        talk = talk[2:]
    if select.select([terminal], [], [], 0.2)[0]:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
sys.stdout.write(shown.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
