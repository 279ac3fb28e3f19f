"""docs/benchmarks.md from the records alone."""
import math

from . import sets

METRICS = {**sets.ACCURACY, **sets.BESIDE}
LOWER_IS_BETTER = {"Gini@10"}
DIGITS = {"novelty@10": 2, "popularity@10": 1}


class Row:
    """One model under one set, tie order and filter: its seeds together."""

    def __init__(self, model, runs, seen):
        current = [run for run in runs if sets.is_current(run)]
        self.model, self.runs, self.seen = model, sorted(current or runs, key=lambda run: run["seed"]), seen
        self.label = model if current else f"{model} †"

    def values(self, name):
        found = [run["results"][self.seen].get(METRICS[name]) for run in self.runs]
        return [value for value in found if value is not None]

    def mean(self, name):
        values = self.values(name)
        return sum(v[0] for v in values) / len(values) if values else None

    def deviation(self, name):
        """Sample standard deviation over seeds; None with fewer than two."""
        values = [v[0] for v in self.values(name)]
        if len(values) < 2:
            return None
        mean = sum(values) / len(values)
        return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))

    def interval(self, name):
        """Of the first seed."""
        values = self.values(name)
        return tuple(values[0][1:]) if values else None

    def seeds(self):
        return ", ".join(str(run["seed"]) for run in self.runs)


def rows_of(records, name, ties, seen):
    """In order of the models' list; models that it does not name come last."""
    by_model = {}
    for record in records:
        if record["set"] == name and record["ties"] == ties:
            by_model.setdefault(record["model"], []).append(record)
    models = sorted(by_model, key=lambda model: (sets.ORDER.get(model, len(sets.ORDER)), model))
    return [Row(model, by_model[model], seen) for model in models]


def figure(name, value):
    if value is None:
        return "–"
    return f"{value:.{DIGITS.get(name, 4)}f}"


def cell(row, name, interval=True):
    text = figure(name, row.mean(name))
    deviation = row.deviation(name)
    if deviation is not None:
        text += f" ± {figure(name, deviation)}"
    low_high = row.interval(name)
    if interval and low_high is not None and low_high[0] != low_high[1]:
        text += f"<br>[{figure(name, low_high[0])}, {figure(name, low_high[1])}]"
    return text


def table(head, lines):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(line) + " |" for line in lines), ""]


def winners(rows, names):
    """'R@5 sasrec, …': the highest mean of each column."""
    parts = []
    for name in names:
        known = [(row.mean(name), row.model) for row in rows if row.mean(name) is not None]
        if known:
            best = (min if name in LOWER_IS_BETTER else max)(known, key=lambda pair: pair[0])
            parts.append(f"{name} {best[1]}")
    return ", ".join(parts)


def published_rows(published, name, ties, seen):
    """Figures to stand beside ours: this set and tie order, under this filter or one that is not stated."""
    chosen = [p for p in published if p["set"] == name and p.get("kind") != "floor"
              and (p["ties"] == ties or ties == "given" and p["ties"] == "other") and p["filter"] in (seen, "not stated")]
    return sorted(chosen, key=lambda p: [-p["values"].get(m, 0) for m in ("N@10", "R@10", "N@5", "R@5")])


def published_cell(entry, name):
    if name not in entry["values"]:
        return "–"
    text = f"{entry['values'][name]:.4f}"
    if name in entry.get("sd", {}):
        text += f" ± {entry['sd'][name]:.4f}"
    return text + (" (unconfirmed)" if name in entry.get("unconfirmed", []) else "")


def published_notes(entry):
    notes = [entry["note"]] if "note" in entry else []
    if entry["filter"] == "not stated":
        notes.append("filter not stated")
    if entry["ties"] == "other" and not any("test set" in note for note in notes):
        notes.append("another test set")
    return "; ".join(notes)


def floors(records, published, name):
    """How far the counting models are from an independent implementation of them."""
    lines = []
    for entry in published:
        if entry["set"] != name or entry.get("kind") != "floor":
            continue
        for row in rows_of(records, name, entry["ties"], entry["filter"]):
            if row.model != entry["model"]:
                continue
            worst = max(abs(row.mean(m) - v) for m, v in entry["values"].items() if row.mean(m) is not None)
            lines.append([entry["model"], sets.TIES[entry["ties"]], entry["filter"],
                          *(f"{v:.4f} / {figure(m, row.mean(m))}" for m, v in entry["values"].items()), f"{worst:.4f}"])
    if not lines:
        return []
    head = ["model", "ties", "seen items", *(f"{m} theirs / ours" for m in sets.ACCURACY), "largest difference"]
    return ["### Counting models beside an independent implementation", "", *table(head, lines)]


def block(records, published, name, ties, seen):
    rows = rows_of(records, name, ties, seen)
    if not rows:
        return []
    text = [f"### {sets.TIES[ties].capitalize()}, {sets.FILTERS[seen]}", ""]
    text += table(["model", *sets.ACCURACY, "seeds"],
                  [[row.label, *(cell(row, m) for m in sets.ACCURACY), row.seeds()] for row in rows])
    text += [f"Highest mean: {winners(rows, sets.ACCURACY)}.", ""]
    others = published_rows(published, name, ties, seen)
    if others:
        text += ["Published on the same data (not measured here):", ""]
        text += table(["model", "year", *sets.ACCURACY, "remark"],
                      [[p["model"], str(p.get("year", "–")), *(published_cell(p, m) for m in sets.ACCURACY),
                        published_notes(p)] for p in others])
    beside = [m for m in sets.BESIDE if any(row.mean(m) is not None for row in rows)]
    if beside:
        text += ["Beside accuracy:", ""]
        text += table(["model", *beside], [[row.label, *(cell(row, m, interval=m == "MRR@10") for m in beside)] for row in rows])
        text += [f"Highest mean, of Gini the lowest: {winners(rows, [m for m in beside if m != 'popularity@10'])}.", ""]
    return text


def settings_block(records, name):
    runs = {}
    for record in records:
        if record["set"] == name:
            runs.setdefault(record["model"], []).append(record)
    runs = {model: [run for run in found if sets.is_current(run)] or found for model, found in runs.items()}
    lines = []
    for model in sorted(runs, key=lambda m: (sets.ORDER.get(m, len(sets.ORDER)), m)):
        of_model = runs[model]
        changed = of_model[0]["settings"]
        seconds = sum(run["seconds"] for run in of_model) / len(of_model)
        lines.append([model, ", ".join(f"{k}={v}" for k, v in changed.items()) or "defaults", str(len(of_model)),
                      f"{seconds:.0f}", f"`{of_model[0]['command']}`"])
    return ["### Settings and commands", "",
            *table(["model", "settings", "runs", "seconds a run", "command of the first run"], lines)]


INTRODUCTION = """# Benchmarks

This page is generated from the records in `docs/benchmarks/runs` by `tools/benchmarks write`; `tools/benchmarks run` makes the records, `tools/benchmarks check` (part of the tests) fails when the page is not what they say.

All figures rank the whole catalogue for the last event of every user (leave-last-out; the history of a test target includes the validation event), one target per user, so recall is hit rate. Ties in the score are pessimistic: the rank is the number of items that score at least as much as the target. R = Recall, N = NDCG. A cell is the mean over seeds ± the standard deviation over seeds, and below it the 95 % bootstrap interval over users (1,000 resamples or more) of the first seed. Baselines without anything random are run once on the given ties. With shuffled ties, each seed also draws its own shuffle.

"Highest mean" is no claim that the difference to the next model is more than chance: `penchant eval --models a,b` prints the paired interval.

## Before comparing

- **Seen filter.** Nobody repeats an item in these sets, so removing seen items only helps, and it helps models that rank what was just seen highly by a fifth or more. Compare figures under the same filter only.
- **Ties.** Amazon times have the resolution of a day, and the files order a day's events by item code, which leaks order. Figures on the given ties are 9 to 16 % too high for every model that learns pairs of items; the shuffled ones are the honest ones. Published figures use the given ties unless the remark says otherwise.
- **Loss.** SASRec as many papers print it is trained by binary cross-entropy with one negative (`sasrec-bce` here). The same network with a softmax over the catalogue is `sasrec`: the gap between the two is the loss.
- **What is learned from.** Every model learns from the training part: all but the last two events of a user. `sasrec-refit` alone goes on: its number of epochs is chosen on the validation events, then a new network learns from training and validation events together. Test targets then lie one event, not two, beyond what was learned, as in production. Few papers say which of the two they did, and the difference is larger than that between most models.
- **penchant** is the release that `penchant train` makes of the data with its default settings, text of the items included: what it serves, fused on validation events. **dense** is its dense head alone. The baselines but `content-knn` and `hybrid` know no text.
- **†** marks what an earlier trainer made, whose batches held histories of like length, and which is not measured again yet: SASRec gained a tenth when that was changed (`docs/decisions/0010-baseline-training.md`).
- **Published figures** are quoted as printed by their sources (`docs/benchmarks/published.json`), under their own tuning; "filter not stated" stands in both tables. A year is missing where the source gives none.
- **Beside accuracy**: coverage = share of the catalogue in at least one list of ten; novelty = mean surprise of the listed items; Gini = inequality of how often items are listed; popularity = mean training events of the listed items (`docs/formats/evaluation.md`)."""


def page(records, published):
    text = [INTRODUCTION, ""]
    for name, about in sets.SETS.items():
        of_set = [record for record in records if record["set"] == name]
        if not of_set:
            continue
        first = of_set[0]
        hashes = sorted({record["data_sha256"][:12] for record in of_set})
        text += [f"## {about['title']}", "",
                 f"{about['about']} {first['users']:,} users are asked, {first['items']:,} items are ranked. "
                 f"Data: SHA-256 {', '.join(hashes)}….", "",
                 f"![NDCG@10 of every model on {about['title']}](benchmarks/{name}.svg)", ""]
        for ties in about["ties"]:
            for seen in sets.FILTERS:
                text += block(records, published, name, ties, seen)
        text += floors(records, published, name)
        text += settings_block(records, name)
    machines = sorted({f"{r['machine']['cpu']}, {r['machine']['cores']} cores, {r['machine']['memory_gib']} GiB" for r in records})
    commits = sorted({record["commit"] for record in records})
    if records:
        text += ["## Where this was measured", "",
                 "Machines: " + "; ".join(machines) + ". Seconds include loading, fitting where the model was not in the "
                 "cache, and ranking; other work may have run beside.", "", "Commits: " + ", ".join(f"`{c}`" for c in commits) + ".", "",
                 "    penchant --home HOME import DATA/amazon-beauty     # and amazon-sports, movielens-1m",
                 "    tools/benchmarks run --data DATA && tools/benchmarks write", ""]
    else:
        text += ["No runs are recorded yet: `tools/benchmarks run`.", ""]
    return "\n".join(text)
