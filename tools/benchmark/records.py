"""Records of runs: one small JSON file each, docs/benchmarks/runs/<set>/<model>-<ties>-<seed>.json."""
import json
import os
import re

FORMAT = 1


def path_of(folder, name, model, ties, seed):
    return os.path.join(folder, "runs", name, f"{model}-{ties}-{seed}.json")


def write(path, record):
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    partial = f"{path}.{os.getpid()}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        text = json.dumps({"format": FORMAT, **record}, indent=1, sort_keys=False)
        # Three numbers in one line, not in five.
        file.write(re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def read(path):
    """A record, or None where there is none; ValueError names a file that cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}); remove it and run again") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"{path}: not a record of format {FORMAT}; remove it and run again")
    return record


def read_all(folder):
    """Every record below a folder, in order of path."""
    records = []
    for parent, folders, files in os.walk(os.path.join(folder, "runs")):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".json"):
                records.append(read(os.path.join(parent, name)))
    return records


def read_settings(folder):
    """{set: {model: {name: value}}}: settings over the defaults, found by `penchant tune`."""
    try:
        with open(os.path.join(folder, "settings.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def read_published(folder):
    try:
        with open(os.path.join(folder, "published.json"), encoding="utf-8") as file:
            return json.load(file)["figures"]
    except FileNotFoundError:
        return []
