"""Recomputes the accuracy figures of `penchant eval` from its exported lists with ranx.

usage: metrics_reference.py REPORT.json EXPORT_FOLDER TARGETS.csv

REPORT.json is what `penchant eval --json` wrote (one seed), EXPORT_FOLDER what `--export` wrote in the
same run, TARGETS.csv has the header user_id,item_id and one target per user. Every recall, ndcg and mrr
of every result is compared; exits 1 when one differs by more than 1e-9, 77 when ranx is not installed.
"""
import csv
import json
import os
import sys

try:
    from ranx import Qrels, Run, evaluate
except ImportError:
    print("ranx is not installed: ./setup --tests", file=sys.stderr)
    sys.exit(77)

TOLERANCE = 1e-9
NAMES = [f"{metric}@{k}" for metric in ("recall", "ndcg", "mrr") for k in (5, 10, 20)]


def read_lists(path, users):
    """user -> {item: score}; the place in the file is the ranking, so it becomes the score."""
    lists = {user: {"(nothing)": 0.0} for user in users}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lists[row["user_id"]][row["item_id"]] = 1000.0 - int(row["rank"])
    return lists


def main(report_path, folder, targets_path):
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    with open(targets_path, newline="", encoding="utf-8") as file:
        targets = {row["user_id"]: row["item_id"] for row in csv.DictReader(file)}
    qrels = Qrels({user: {item: 1} for user, item in targets.items()})
    worst = compared = 0
    for result in report["results"]:
        name = f'{result["model"]}-{result["seen"]}-{result["ties"]}.csv'
        run = Run(read_lists(os.path.join(folder, name), targets))
        expected = evaluate(qrels, run, NAMES)
        assert result["users"] == len(targets), (name, result["users"], len(targets))
        for metric in NAMES:
            difference = abs(result["metrics"][metric]["value"] - float(expected[metric]))
            worst = max(worst, difference)
            compared += 1
            if not difference <= TOLERANCE:
                print(f'{name} {metric}: {result["metrics"][metric]["value"]!r}, ranx {expected[metric]!r}')
                sys.exit(1)
    print(f"{compared} figures of {len(targets)} users, largest difference {worst:.2g}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
