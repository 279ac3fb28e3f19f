#!/usr/bin/env python3
"""CPU seconds of one training epoch of SASRec with the full softmax, beside its peers on the same data.

    bench/peers/training_epoch.py --data DIR/amazon-beauty [--peers torch,penchant,rectools] [--epochs 3] [--seeds 1,2,3]

All train on the same sequences (leave-last-out: all but each user's last two events), d 64, history 50,
2 blocks, 1 head, batches of 128 histories, learning rate 0.001.

  torch      plain PyTorch: the same network as penchant-train on the same kind of random batches, padded to
             the longest history of the batch, cross_entropy on the full logits without those of padding, AdamW;
             epochs are run whole
  penchant   penchant-train fit, as a child process: the difference between a run of E epochs and one of 1,
             so that reading and starting do not count
  rectools   RecTools SASRecModel(loss="softmax"): --batches batches are run and extrapolated to an epoch

Prints one JSON line per peer and seed, then the ratios of the first seed, and the loss of every epoch of
torch and penchant: all seeds, their means, the standard deviation between seeds, and whether the difference
of the means is within --margin. Every seed counts; one seed alone cannot tell a difference from noise.
See bench/peers/README.md for what to install.
"""
import argparse
import csv
import json
import math
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

DIM, LENGTH, BLOCKS, HEADS, FFN, BATCH, RATE, CLIP, WARMUP = 64, 50, 2, 1, 256, 128, 1e-3, 5.0, 100


def read_sequences(folder):
    """[(item, …), …] of every user, and the number of items, from events.csv in order."""
    users, rows = {}, {}
    with open(os.path.join(folder, "events.csv"), newline="", encoding="utf-8") as file:
        for event in csv.DictReader(file):
            users.setdefault(event["user_id"], []).append(rows.setdefault(event["item_id"], len(rows)))
    return [items[:-2] if len(items) >= 3 else items for items in users.values()], len(rows)


def windows_of(sequences):
    """Windows of at most LENGTH inputs; every event but a user's first is a target exactly once."""
    windows = []
    for items in sequences:
        end = len(items)
        while end >= 2:
            inputs = min(end - 1, LENGTH)
            windows.append(items[end - 1 - inputs:end])
            end -= inputs
    return windows


def batches_of(windows, rng):
    """Random batches."""
    order = list(range(len(windows)))
    rng.shuffle(order)
    return [[windows[w] for w in order[at:at + BATCH]] for at in range(0, len(order), BATCH)]


def rate_at(step, steps):
    """Warm-up, then a cosine to 5 %."""
    return RATE * min(1.0, (step + 1) / WARMUP) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps)))


# ---- plain PyTorch -----------------------------------------------------------------------------------

def run_torch(sequences, items, options):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
            self.qkv, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
            self.up, self.down = nn.Linear(DIM, FFN), nn.Linear(FFN, DIM)
            for layer in (self.qkv, self.out, self.up, self.down):
                nn.init.normal_(layer.weight, 0, 0.02)
                nn.init.zeros_(layer.bias)

        def forward(self, x):
            rows, cols, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(rows, cols, 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=options.dropout if self.training else 0, is_causal=True).transpose(1, 2).reshape(rows, cols, DIM)
            x = x + F.dropout(self.out(mixed), options.dropout, self.training)
            inner = F.dropout(F.gelu(self.up(self.norm2(x))), options.dropout, self.training)
            return x + F.dropout(self.down(inner), options.dropout, self.training)

    class SasRec(nn.Module):
        def __init__(self):
            super().__init__()
            self.item = nn.Parameter(torch.randn(items, DIM) * 0.02)
            self.position = nn.Parameter(torch.randn(LENGTH, DIM) * 0.02)
            self.last = nn.LayerNorm(DIM)
            self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

        def forward(self, histories, places):
            x = F.embedding(histories, self.item) * math.sqrt(DIM) + F.embedding(places, self.position)
            x = F.dropout(x, options.dropout, self.training)
            for block in self.blocks:
                x = block(x)
            return self.last(x)

    model = SasRec().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0)
    rng, windows, losses, seconds, step = random.Random(options.seed), windows_of(sequences), [], [], 0
    steps = math.ceil(len(windows) / BATCH) * options.epochs
    for _ in range(options.epochs):
        started, total, positions = time.process_time(), 0.0, 0
        for batch in batches_of(windows, rng):
            width = max(len(w) for w in batch) - 1
            inputs = torch.zeros(len(batch), width, dtype=torch.long)
            targets = torch.full((len(batch), width), -1, dtype=torch.long)
            places = torch.zeros(len(batch), width, dtype=torch.long)
            for r, w in enumerate(batch):
                inputs[r, :len(w) - 1] = torch.tensor(w[:-1])
                targets[r, :len(w) - 1] = torch.tensor(w[1:])
                places[r, :len(w) - 1] = torch.arange(LENGTH - len(w) + 1, LENGTH)  # from the newest event
            used = targets.view(-1) >= 0  # no logits for padding
            states = model(inputs, places).view(-1, DIM)[used]
            loss = F.cross_entropy(states @ model.item.T, targets.view(-1)[used])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, steps)
            optimiser.step()
            step += 1
            total += loss.item() * len(states)
            positions += len(states)
        seconds.append(time.process_time() - started)
        losses.append(total / positions)
    return {"peer": "torch", "version": torch.__version__, "cpu_seconds_per_epoch": min(seconds), "losses": losses,
            "positions": positions, "cpu_seconds": seconds}


# ---- penchant-train ----------------------------------------------------------------------------------

def write_safetensors(path, metadata, tensors):
    codes = {"I64": "q", "I32": "i"}
    head, data = {"__metadata__": metadata}, b""
    for name, (dtype, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}{codes[dtype]}", *values)
        head[name] = {"dtype": dtype, "shape": [len(values)], "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def run_penchant(sequences, items, options):
    kept = [s for s in sequences if s]
    with tempfile.TemporaryDirectory(prefix="penchant-epoch-") as folder:
        path = os.path.join(folder, "sequences.safetensors")
        offsets = [0]
        for s in kept:
            offsets.append(offsets[-1] + len(s))
        # No validation targets: only training is timed.
        write_safetensors(path, {"format": "1", "items": str(items), "removes_seen": "true"},
                          {"offsets": ("I64", offsets), "items": ("I32", [i for s in kept for i in s]),
                           "validation.user": ("I32", []), "validation.target": ("I32", [])})

        def fit(epochs):
            out, progress = os.path.join(folder, f"out-{epochs}"), os.path.join(folder, f"progress-{epochs}")
            command = [options.trainer, "fit", "--sequences", path, "--model", "sasrec", "--seed", str(options.seed),
                       "--threads", str(options.threads), "--out", out, "--progress-json", progress, "--quiet"]
            for name, value in {"dim": DIM, "layers": BLOCKS, "heads": HEADS, "ffn": FFN, "max_len": LENGTH, "batch": BATCH,
                                "learning_rate": RATE, "dropout": options.dropout, "input_dropout": options.dropout,
                                "weight_decay": 0, "label_smoothing": 0, "epochs": epochs, "patience": 0}.items():
                command += ["--set", f"{name}={value}"]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, env={"OMP_WAIT_POLICY": "passive", **os.environ})
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return used, losses_of(progress, epochs), os.path.join(out, "model.json")

        first, _, _ = fit(1)
        whole, losses, described = fit(options.epochs)
        exact = losses_of_model(described)
        return {"peer": "penchant", "cpu_seconds_per_epoch": (whole - first) / (options.epochs - 1),
                "cpu_seconds_of_runs": {"1": first, str(options.epochs): whole}, "losses": exact or losses}


def losses_of(progress, epochs):
    """The last loss that the progress lines give for every epoch (three digits)."""
    losses = {}
    with open(progress, encoding="utf-8") as file:
        for line in file:
            detail = json.loads(line).get("detail", "")
            if detail.startswith("epoch ") and "loss " in detail:
                epoch = int(detail.split()[1].split("/")[0])
                losses[epoch] = float(detail.split("loss ")[1].split(",")[0])
    return [losses[e] for e in range(1, epochs + 1) if e in losses]


def losses_of_model(path):
    """The curve that model.json keeps."""
    with open(path, encoding="utf-8") as file:
        curve = json.load(file).get("epochs", [])
    return [point["loss"] for point in curve if isinstance(point, dict) and "loss" in point]


# ---- RecTools ----------------------------------------------------------------------------------------

def run_rectools(sequences, items, options):
    import warnings

    import pandas as pd
    import torch
    from pytorch_lightning import Callback, Trainer
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    warnings.filterwarnings("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rows = [(u, i, 1.0, at) for u, s in enumerate(sequences) for at, i in enumerate(s)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "weight", "position"])
    frame["datetime"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame.pop("position"), unit="h")
    marks, batches = [], []

    class Clock(Callback):
        def on_train_start(self, trainer, module):
            batches.append(len(trainer.train_dataloader))
            marks.append(time.process_time())

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            marks.append(time.process_time())

    def trainer():
        return Trainer(max_epochs=1, min_epochs=1, limit_train_batches=options.batches + 1, accelerator="cpu", logger=False,
                       enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, callbacks=[Clock()])

    SASRecModel(n_blocks=BLOCKS, n_heads=HEADS, n_factors=DIM, session_max_len=LENGTH, loss="softmax", batch_size=BATCH,
                lr=RATE, dropout_rate=options.dropout, epochs=1, dataloader_num_workers=0,
                get_trainer_func=trainer).fit(Dataset.construct(frame))
    each = (marks[-1] - marks[1]) / (len(marks) - 2)  # the first batch warms up
    # The loader is told to stop early; an epoch has one batch for every BATCH users with two events.
    whole = math.ceil(sum(len(s) >= 2 for s in sequences) / BATCH)
    return {"peer": "rectools", "cpu_seconds_per_epoch": each * whole, "batches_measured": len(marks) - 2,
            "batches_per_epoch": whole, "cpu_seconds_per_batch": each, "extrapolated": True}


PEERS = {"torch": run_torch, "penchant": run_penchant, "rectools": run_rectools}


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with events.csv: user_id,item_id in order of time")
    parser.add_argument("--peers", default="torch,penchant,rectools")
    parser.add_argument("--epochs", type=int, default=3, help="of torch and penchant; at least 2")
    parser.add_argument("--batches", type=int, default=3, help="of RecTools, after one to warm up")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--seeds", default="1,2,3", help="of torch and penchant; RecTools runs the first alone")
    parser.add_argument("--margin", type=float, default=0.5, help="largest difference of the mean losses, in percent")
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--trainer", default=os.path.join(root, "build", "release", "bin", "penchant-train"))
    parser.add_argument("--one", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.epochs < 2:
        parser.error("--epochs must be at least 2")
    if options.one:
        sequences, items = read_sequences(options.data)
        print(json.dumps(PEERS[options.one](sequences, items, options)))
        return 0
    seeds, results, failed = [int(seed) for seed in options.seeds.split(",")], {}, False
    for peer in options.peers.split(","):  # each in a process of its own: no thread pool or allocator is shared
        for seed in seeds[:1] if peer == "rectools" else seeds:
            done = subprocess.run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--one", peer, "--seed", str(seed)],
                                  text=True, stdout=subprocess.PIPE, check=False,
                                  env={"OMP_WAIT_POLICY": "passive", **os.environ})
            if done.returncode != 0:
                print(f"{peer} seed {seed} failed with code {done.returncode}", file=sys.stderr)
                failed = True
                continue
            result = json.loads(done.stdout.strip().splitlines()[-1])
            results.setdefault(peer, []).append(result)
            print(json.dumps({"seed": seed, **result}), flush=True)
    ours = results.get("penchant")
    for peer, of_peer in results.items():
        if ours and peer != "penchant":
            a, b = ours[0]["cpu_seconds_per_epoch"], of_peer[0]["cpu_seconds_per_epoch"]
            note = f" (extrapolated from {of_peer[0]['batches_measured']} batches)" if of_peer[0].get("extrapolated") else ""
            print(f"penchant takes {a / b:.3f} of the CPU seconds of {peer}{note}: {a:.1f} s of {b:.1f} s an epoch")
    if ours and "torch" in results:
        compare_losses(ours, results["torch"], options)
    return 1 if failed else 0


def compare_losses(ours, theirs, options):
    """Means over seeds, the spread between seeds, and the verdict; epochs in order."""
    def mean(values):
        return sum(values) / len(values)

    def deviation(values):
        return math.sqrt(sum((v - mean(values)) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else math.nan

    for epoch in range(options.epochs):
        a, b = [r["losses"][epoch] for r in ours], [r["losses"][epoch] for r in theirs]
        difference = 100 * (mean(a) / mean(b) - 1)
        noise = 100 * math.sqrt((deviation(a) ** 2 / len(a)) + (deviation(b) ** 2 / len(b))) / mean(b)
        print(f"epoch {epoch + 1}: loss penchant {mean(a):.4f} (sd {deviation(a):.4f}: {', '.join(f'{v:.4f}' for v in a)}), "
              f"torch {mean(b):.4f} (sd {deviation(b):.4f}: {', '.join(f'{v:.4f}' for v in b)}); "
              f"difference of means {difference:+.2f} % ± {noise:.2f} (standard error), "
              f"{'within' if abs(difference) <= options.margin else 'OUTSIDE'} {options.margin} %")


if __name__ == "__main__":
    sys.exit(main())
