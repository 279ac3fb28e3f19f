#!/usr/bin/env python3
"""CPU seconds of Lloyd's k-means in fp32 from the same centroids: faiss and Penchant.

    python bench/peers/kmeans.py build/bench/bin/kmeans_bench [--rows 1000000] [--dim 256] [--clusters 1024]

Rows are unit vectors around topics of skewed sizes; the start is rows drawn at random. Both make the same number
of iterations and one assignment more; the error is the mean squared distance to the nearest centroid, computed by
faiss for both.
"""
import argparse
import json
import os
import resource
import subprocess
import tempfile
import time

import faiss
import numpy as np


def made(rows, dim, topics=2000, seed=1):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((topics, dim), dtype=np.float32)
    out = np.empty((rows, dim), np.float32)
    for first in range(0, rows, 100_000):
        n = min(100_000, rows - first)
        topic = (rng.random(n) ** 2 * topics).astype(np.int64)
        part = centres[topic] + rng.standard_normal((n, dim), dtype=np.float32)
        out[first:first + n] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return out


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def with_faiss(rows, start, iterations):
    before, began = cpu(), time.perf_counter()
    kmeans = faiss.Kmeans(rows.shape[1], len(start), niter=iterations, nredo=1, min_points_per_centroid=1,
                          max_points_per_centroid=len(rows) + 1)
    kmeans.train(rows, init_centroids=start)
    distances, _ = kmeans.index.search(rows, 1)  # as Penchant: the codes of the last centroids
    return {"cpu": cpu() - before, "wall": time.perf_counter() - began, "error": float(distances.astype(np.float64).mean())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--clusters", type=int, default=1024)
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    rows = made(options.rows, options.dim)
    start = rows[np.random.default_rng(2).choice(len(rows), options.clusters, replace=False)].copy()
    print(f"faiss {faiss.__version__}: {faiss.get_compile_options()}")
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "rows"), os.path.join(folder, "start")
        rows.tofile(files[0])
        start.tofile(files[1])
        best = {}
        for _ in range(options.rounds):  # by turns, so that both see the same neighbours on the machine
            words = [*files, *map(str, (*rows.shape, options.clusters, options.iterations, options.threads))]
            ours = json.loads(subprocess.run([options.program, *words], check=True, capture_output=True, text=True).stdout)
            for name, result in (("penchant", ours), ("faiss", with_faiss(rows, start, options.iterations))):
                print(f"{name:9} CPU {result['cpu']:7.2f} s  wall {result['wall']:7.2f} s  error {result['error']:.7f}", flush=True)
                best[name] = min(best.get(name, result), result, key=lambda r: r["cpu"])
    print(f"penchant is {best['faiss']['cpu'] / best['penchant']['cpu']:.2f} times as fast; errors differ by "
          f"{best['penchant']['error'] / best['faiss']['error'] - 1:+.1e}")


if __name__ == "__main__":
    main()
