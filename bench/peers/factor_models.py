#!/usr/bin/env python3
"""EASE^R and iALS of Penchant beside implicit's ALS and EASE^R in NumPy and LAPACK, in one run.

    PEERS/bin/python bench/peers/factor_models.py --data DATA [--set amazon-beauty] [--threads 1]
        [--driver build/bench/bin/factor_models_bench] [--json FILE] [--no-numpy-inverse]

Everybody is fitted on the same training events (leave-last-out, given ties), asked with the same
histories (validation event included), and ranked over the whole catalogue with pessimistic ties.
Settings of both ALS are chosen on the validation events from the grids below, once for lists without seen
items and once for lists with them, then measured once on the test events. Besides, `ials` is run with the
settings chosen for implicit, which it can express exactly. Times are CPU seconds of the fit alone (wall seconds beside them).
"""
import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import time

PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--data", required=True, help="folder of the public sets")
PARSER.add_argument("--set", default="amazon-beauty")
PARSER.add_argument("--driver", default="build/bench/bin/factor_models_bench")
PARSER.add_argument("--threads", type=int, default=1)
PARSER.add_argument("--dim", type=int, default=128)
PARSER.add_argument("--lambda", dest="ridge", type=float, default=250.0)
PARSER.add_argument("--json")
PARSER.add_argument("--no-numpy-inverse", action="store_true", help="leave out numpy.linalg.inv, the slowest")
ARGS = PARSER.parse_args()
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(ARGS.threads)

import numpy as np  # noqa: E402  (after the thread counts)
import scipy.linalg.lapack as lapack  # noqa: E402
import scipy.sparse as sparse  # noqa: E402
from implicit.als import AlternatingLeastSquares  # noqa: E402

PEER_GRID = [dict(regularization=r, alpha=a) for r, a in itertools.product((0.05, 0.5), (5.0, 10.0, 40.0, 160.0))]
OUR_GRID = [dict(regularization=r, unobserved_ratio=a) for r, a in
            itertools.product((0.001, 0.003, 0.01), (4, 8, 32, 128))]
PEER_ITERATIONS = 15
METRICS = ("recall10_kept", "ndcg10_kept", "recall10_removed", "ndcg10_removed")


def read_sequences(path):
    """Item rows of every user, in file order."""
    items, users = {}, {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            users.setdefault(row["user_id"], []).append(items.setdefault(row["item_id"], len(items)))
    return list(users.values()), len(items)


def matrix(histories, items):
    rows = [row for row, history in enumerate(histories) for _ in set(history)]
    columns = [item for history in histories for item in sorted(set(history))]
    return sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(histories), items))


def timed(work):
    cpu, wall = time.process_time(), time.perf_counter()
    value = work()
    return value, time.process_time() - cpu, time.perf_counter() - wall


def quality(score, histories, targets, usable):
    """Full ranking of every target; score(first, last) gives [users, items]."""
    sums = dict.fromkeys(METRICS, 0.0)
    for first in range(0, len(histories), 512):
        last = min(first + 512, len(histories))
        block = np.array(score(first, last), dtype=np.float32)
        block[:, ~usable] = -np.inf
        for u in range(first, last):
            row, target = block[u - first], targets[u]
            for name in ("kept", "removed"):
                if name == "removed":
                    seen = [item for item in histories[u] if item != target]
                    row[seen] = -np.inf
                rank = int(np.count_nonzero(row >= row[target]))
                if rank <= 10 and np.isfinite(row[target]):
                    sums["recall10_" + name] += 1 / len(histories)
                    sums["ndcg10_" + name] += 1 / np.log2(1 + rank) / len(histories)
    return sums


def ours(model, settings):
    """One fit by our driver: CPU seconds, wall seconds, counters."""
    environment = dict(os.environ, PENCHANT_TEST_DATA=ARGS.data, PENCHANT_BENCH_SET=ARGS.set,
                       PENCHANT_BENCH_THREADS=str(ARGS.threads), OMP_WAIT_POLICY="passive")
    environment["PENCHANT_BENCH_" + model.upper()] = " ".join(f"{k}={v}" for k, v in settings.items())
    out = subprocess.run([ARGS.driver, f"--benchmark_filter=fit/{model}/", "--benchmark_format=json"],
                         env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result = json.loads(out.stdout)["benchmarks"][0]
    if result.get("error_occurred"):
        sys.exit(result["error_message"])
    return result["cpu_time"], result["real_time"], result


def chosen(grid, evaluate):
    """For each filter the settings with the best validation NDCG@10: {filter: settings}."""
    figures = [evaluate(settings) for settings in grid]
    return {name: grid[max(range(len(grid)), key=lambda g: figures[g]["ndcg10_" + name])]
            for name in ("removed", "kept")}


def as_ours(settings, pairs_per_event):
    """implicit's settings as those of `ials`: confidence alpha of seen pairs, 1 of all others, one ridge.

    Its loss is (alpha - 1) times ours with unobserved weight 1 / (alpha - 1) and targets t = alpha / (alpha - 1);
    targets of 1 give the same ranking when the ridge is divided by t as well.
    """
    alpha = settings["alpha"]
    return dict(regularization=settings["regularization"] / alpha, unobserved_ratio=pairs_per_event / (alpha - 1),
                frequency_power=0, epochs=PEER_ITERATIONS, decay=1, dim=ARGS.dim)


def main():
    sequences, items = read_sequences(os.path.join(ARGS.data, ARGS.set, "events.csv"))
    sequences = [s for s in sequences if len(s) >= 3]
    train, targets = [s[:-2] for s in sequences], {"validation": [s[-2] for s in sequences], "test": [s[-1] for s in sequences]}
    asked = {"validation": train, "test": [s[:-1] for s in sequences]}
    fitted, asked_rows = matrix(train, items), {k: matrix(v, items) for k, v in asked.items()}
    usable = np.asarray(fitted.sum(axis=0)).ravel() > 0
    results = []

    def report(name, settings, cpu, wall, sums):
        results.append(dict(model=name, settings=settings, cpu_seconds=cpu, wall_seconds=wall, **sums))
        print(f"{name:34s} {sums['recall10_kept']:.4f} {sums['ndcg10_kept']:.4f}   {sums['recall10_removed']:.4f} "
              f"{sums['ndcg10_removed']:.4f}   {cpu:8.2f} {wall:8.2f}   {settings}", flush=True)

    def implicit_als(settings, stage):
        model = AlternatingLeastSquares(factors=ARGS.dim, iterations=PEER_ITERATIONS, num_threads=ARGS.threads, random_state=1,
                                        use_gpu=False, **settings)
        _, cpu, wall = timed(lambda: model.fit(fitted, show_progress=False))
        vectors = model.recalculate_user(np.arange(len(train)), asked_rows[stage])
        sums = quality(lambda a, b: vectors[a:b] @ model.item_factors.T, asked[stage], targets[stage], usable)
        return cpu, wall, sums

    def ease(invert):
        def fit():
            gram = (fitted.T @ fitted).toarray().astype(np.float32)
            gram[np.diag_indices(items)] += ARGS.ridge
            inverse = invert(gram)
            weights = -inverse / np.diag(inverse)[None, :]
            weights[np.diag_indices(items)] = 0
            return weights
        weights, cpu, wall = timed(fit)
        return cpu, wall, quality(lambda a, b: asked_rows["test"][a:b] @ weights, asked["test"], targets["test"], usable)

    def lapack_inverse(gram):
        factor, info = lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
        inverse, more = lapack.spotri(factor, lower=1, overwrite_c=1)
        assert info == 0 and more == 0
        lower = np.tril(inverse)
        return lower + np.tril(inverse, -1).T

    print(f"{ARGS.set}: {len(train)} users, {items} items, {ARGS.threads} thread(s)")
    print(f"{'':34s} seen kept       seen removed    CPU s   wall s\n{'':34s} R@10   N@10     R@10   N@10")
    def report_ials(name, settings):
        cpu, wall, counters = ours("ials", settings)
        report(name, settings, cpu, wall, {m: counters["test_" + m] for m in METRICS})

    def validated(settings):
        counters = ours("ials", dict(settings, dim=ARGS.dim, decay=1))[2]
        return {m: counters["validation_" + m] for m in METRICS}

    theirs = chosen(PEER_GRID, lambda s: implicit_als(s, "validation")[2])
    mine = chosen(OUR_GRID, validated)
    active = int(np.count_nonzero(np.diff(fitted.indptr)))
    for name in ("removed", "kept"):
        print(f"settings chosen for seen items {name}:")
        report("implicit ALS", theirs[name], *implicit_als(theirs[name], "test"))
        report_ials("Penchant ials, the same settings",
                    as_ours(theirs[name], active * int(usable.sum()) / fitted.nnz))
        report_ials("Penchant ials", dict(mine[name], dim=ARGS.dim, decay=1))
        report_ials("Penchant ials, its own decay", dict(mine[name], dim=ARGS.dim))
    report("EASE, LAPACK spotrf + spotri", dict(ridge=ARGS.ridge), *ease(lapack_inverse))
    if not ARGS.no_numpy_inverse:
        report("EASE, numpy.linalg.inv", dict(ridge=ARGS.ridge), *ease(np.linalg.inv))
    settings = {"lambda": ARGS.ridge, "decay": 1}
    cpu, wall, counters = ours("ease", settings)
    report("Penchant ease", settings, cpu, wall, {m: counters["test_" + m] for m in METRICS})
    if ARGS.json:
        with open(ARGS.json, "w", encoding="utf-8") as file:
            json.dump(dict(set=ARGS.set, threads=ARGS.threads, results=results), file, indent=1)


if __name__ == "__main__":
    main()
