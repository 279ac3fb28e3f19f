#!/usr/bin/env python3
"""Runs one long command with a progress line: bar, elapsed time, time left.

The time left comes from "[done/total]" in the command's output where it prints that (ninja), else
from --expect, the seconds it usually takes. Output goes to --log; on failure its end is shown.
"""
import argparse
import os
import re
import subprocess
import sys
import threading
import time

COUNT = re.compile(rb"\[\s*(\d+)/(\d+)\]")


def clock(seconds):
    seconds = int(max(seconds, 0))
    return f"{seconds // 60}:{seconds % 60:02d}"


class Line:
    """One line that is drawn over on a terminal, and printed now and then elsewhere."""

    def __init__(self, title):
        self.title, self.tty = title, sys.stdout.isatty()
        self.start = self.printed = time.monotonic()
        if not self.tty:
            print(f"   {title} …", flush=True)

    def show(self, share, detail):
        elapsed = time.monotonic() - self.start
        left = elapsed * (1 - share) / share if share > 0.02 else None
        filled = int(24 * share)
        text = f"   {self.title}  {'█' * filled}{'░' * (24 - filled)} {100 * share:3.0f} %  {clock(elapsed)}"
        if left is not None:
            text += f", about {clock(left)} left"
        text += f"  {detail}"
        if self.tty:
            width = os.get_terminal_size().columns if sys.stdout.isatty() else 100
            print("\r\033[2K" + text[: width - 1], end="", flush=True)
        elif time.monotonic() - self.printed > 20:
            self.printed = time.monotonic()
            print(text, flush=True)

    def done(self, ok):
        mark = "✓" if ok else "✗"
        text = f" {mark} {self.title}  {clock(time.monotonic() - self.start)}"
        print(("\r\033[2K" if self.tty else "") + text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", required=True)
    parser.add_argument("--expect", type=float, default=60, help="seconds it usually takes")
    parser.add_argument("--log", required=True, help="file that receives all output")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    os.makedirs(os.path.dirname(os.path.abspath(args.log)), exist_ok=True)
    line, state = Line(args.title), {"share": None, "detail": ""}
    with open(args.log, "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        def read():
            for raw in process.stdout:
                log.write(raw)
                log.flush()
                found = COUNT.search(raw)
                if found and int(found[2]) > 0:
                    state["share"] = int(found[1]) / int(found[2])
                    state["detail"] = f"{int(found[1])} of {int(found[2])}"

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while process.poll() is None:
            elapsed = time.monotonic() - line.start
            guess = min(0.99, elapsed / max(args.expect, 1))
            line.show(state["share"] if state["share"] is not None else guess, state["detail"])
            time.sleep(0.2)
        reader.join(timeout=5)
    line.done(process.returncode == 0)
    if process.returncode != 0:
        with open(args.log, "rb") as log:
            tail = log.read().decode("utf-8", "replace").splitlines()[-40:]
        print("\n".join("   | " + row for row in tail))
        print(f"   the step failed with exit code {process.returncode}; all of its output: {args.log}")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
