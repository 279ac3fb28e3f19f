#!/usr/bin/env python3
"""Kills a training with SIGKILL at random moments until it has died often enough, and compares what comes out with a run
that nobody disturbed: every tensor of the release has to have the same bytes.

    bench/resume_after_kill.py --home HOME [--bin build/release/bin/penchant-train] [--kills 100] [--epochs 20] [--seed 1]

Each life of the training starts with --resume and ends at a moment drawn between its start and the time in which it would
make two epochs, so that reading, steps, validation and the writing of checkpoints are all hit.
"""
import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True)
    parser.add_argument("--bin", default="build/release/bin/penchant-train")
    parser.add_argument("--encoder", default="")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    checkpoint = os.path.join(args.home, "kill.checkpoint")

    def command(name):
        encoder = ["--encoder", args.encoder] if args.encoder else []
        return [args.bin, "--home", args.home, "--name", name, "--preset", "tiny", "--threads", "1", "--epochs", str(args.epochs), "--quiet",
                "--checkpoint", checkpoint, "--resume", "--set", "generator_epochs=0", *encoder]

    def weights(name):
        with open(os.path.join(args.home, "models", name, "model.safetensors"), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def forget(*names):
        for name in names:
            shutil.rmtree(os.path.join(args.home, "models", name), ignore_errors=True)
        if os.path.exists(checkpoint):
            os.remove(checkpoint)

    forget("undisturbed", "killed")
    started = time.monotonic()
    subprocess.run(command("undisturbed"), check=True)
    whole = time.monotonic() - started
    reference = weights("undisturbed")
    begun = time.monotonic()
    life = subprocess.Popen(command("killed"))  # how long it takes to the first checkpoint
    while not os.path.exists(checkpoint):
        time.sleep(0.002)
    reading = time.monotonic() - begun
    life.kill()
    life.wait()
    span = reading + 2 * max(0.02, (whole - reading) / args.epochs)

    kills, runs, same = 1, 0, 0
    while kills < args.kills:
        life = subprocess.Popen(command("killed"))
        try:
            life.wait(timeout=rng.uniform(0, span))
        except subprocess.TimeoutExpired:
            life.kill()
            life.wait()
            kills += 1
            if not os.path.exists(os.path.join(args.home, "models", "killed", "manifest.json")):
                continue
        if life.returncode > 0:
            sys.exit(f"a run ended with {life.returncode} after {kills} kills")
        runs, same = runs + 1, same + (weights("killed") == reference)
        forget("killed")
        print(f"{kills} kills, {runs} runs ended, {same} with the same bytes", file=sys.stderr)
    subprocess.run(command("killed"), check=True)
    runs, same = runs + 1, same + (weights("killed") == reference)
    forget("killed", "undisturbed")
    print(f"{kills} kills, {runs} finished runs, {same} of them with the bytes of the undisturbed run "
          f"(one run: {whole:.1f} s, of which {reading:.1f} s before the first step)")
    return 0 if same == runs else 1


if __name__ == "__main__":
    sys.exit(main())
