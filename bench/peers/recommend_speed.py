#!/usr/bin/env python3
"""The 10 best items of all users from their vectors: users per CPU second, beside implicit and RecTools.

usage: recommend_speed.py BENCH [--users 22363] [--items 12101] [--dim 64] [--vectors FILE.npz]

BENCH is the built batch_top_k_bench. Run with an interpreter that has implicit and rectools; what is
missing is left out. Every library runs on one thread with the same float32 vectors in the same run;
CPU seconds are those of its process (user and system), the best of nine rounds. Without --vectors the
vectors are normal numbers; an .npz with arrays `users` and `items` brings those of a trained model.
The lists are compared with implicit's.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np  # noqa: E402  (threads are set first)
from scipy.sparse import csr_matrix  # noqa: E402

ROUNDS = 9


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def best_rate(users, work):
    least = min(timed(work) for _ in range(ROUNDS))
    return users / least


def timed(work):
    start = cpu_seconds()
    work()
    return cpu_seconds() - start


def vectors_of(options):
    if options.vectors:
        arrays = np.load(options.vectors)
        users, items = arrays["users"], arrays["items"]
    else:
        rng = np.random.default_rng(1)
        users = rng.normal(size=(options.users, options.dim))
        items = rng.normal(size=(options.items, options.dim))
    rng = np.random.default_rng(2)
    rows = np.repeat(np.arange(len(users)), 9)
    columns = rng.integers(0, len(items), len(rows))
    seen = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(users), len(items)))
    seen.sum_duplicates()
    seen.sort_indices()
    return users.astype(np.float32), items.astype(np.float32), seen


def run_ours(bench, users, items, seen):
    with tempfile.TemporaryDirectory() as folder:
        users.tofile(f"{folder}/users.f32")
        items.tofile(f"{folder}/items.f32")
        seen.indptr.astype(np.uint64).tofile(f"{folder}/offsets.u64")
        seen.indices.astype(np.uint32).tofile(f"{folder}/seen.u32")
        with open(f"{folder}/shape.txt", "w", encoding="ascii") as file:
            print(len(users), len(items), users.shape[1], file=file)
        out = subprocess.run([bench, folder], check=True, capture_output=True, text=True).stdout
        lists = np.fromfile(f"{folder}/best.u32", np.uint32).reshape(len(users), 10)
    rates = {}
    for line in out.splitlines():
        engine, setting, rate = line.split("\t")[:3]
        rates.setdefault(f"penchant, {engine}", {})[setting] = float(rate.split()[0])
    return rates, lists


def run_implicit(users, items, seen):
    from implicit.cpu.topk import topk

    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(factors=users.shape[1], num_threads=1)
    model.user_factors, model.item_factors = users, items
    everyone = np.arange(len(users))
    rates = {"implicit recommend": {}, "implicit topk": {}}
    for setting, removed in (("no filter", None), ("filter", seen)):
        rates["implicit recommend"][setting] = best_rate(
            len(users), lambda: model.recommend(everyone, seen, N=10, filter_already_liked_items=removed is not None))
        rates["implicit topk"][setting] = best_rate(
            len(users), lambda: topk(items, users, 10, filter_query_items=removed, num_threads=1))
    return rates, topk(items, users, 10, filter_query_items=seen, num_threads=1)[0]


def run_rectools(users, items, seen):
    from rectools.models.rank import Distance, ImplicitRanker

    ranker = ImplicitRanker(Distance.DOT, users, items, num_threads=1)
    everyone = np.arange(len(users))
    return {
        setting: best_rate(len(users), lambda: ranker.rank(subject_ids=everyone, k=10, filter_pairs_csr=removed))
        for setting, removed in (("no filter", None), ("filter", seen))
    }


def same_items(ours, theirs):
    """Share of places with the same item once each list is sorted; sums in another order may swap near ties."""
    return float(np.mean(np.sort(ours, 1) == np.sort(theirs, 1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("--users", type=int, default=22363)
    parser.add_argument("--items", type=int, default=12101)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--vectors")
    options = parser.parse_args()
    users, items, seen = vectors_of(options)
    table, lists = run_ours(options.bench, users, items, seen)
    try:
        rates, theirs = run_implicit(users, items, seen)
        table.update(rates)
        print(f"share of listed items that implicit lists too: {same_items(lists, theirs):.6f}")
    except ImportError:
        print("implicit is not installed", file=sys.stderr)
    try:
        table["rectools rank"] = run_rectools(users, items, seen)
    except ImportError:
        print("rectools is not installed", file=sys.stderr)
    print(f"{len(users)} users, {len(items)} items, dim {users.shape[1]}, one thread; users per CPU second")
    print(f'{"":24}{"no filter":>12}{"seen filter":>12}')
    for name, rates in table.items():
        print(f'{name:24}{rates["no filter"]:12,.0f}{rates["filter"]:12,.0f}')
    ours = max((rates for name, rates in table.items() if name.startswith("penchant")), key=lambda r: r["no filter"])
    for name, rates in table.items():
        if not name.startswith("penchant"):
            print(f'{"ratio to " + name:28}{ours["no filter"] / rates["no filter"]:7.1f}x{ours["filter"] / rates["filter"]:11.1f}x')


if __name__ == "__main__":
    main()
