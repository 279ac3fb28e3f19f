"""Runs `penchant eval` for every set, model, tie order and seed that has no record yet."""
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time

from . import records, sets


def clock(seconds):
    seconds = int(max(seconds, 0))
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min" if seconds >= 3600 else f"{seconds // 60}:{seconds % 60:02d}"


def hash_of(folder):
    """SHA-256 over the names and bytes of a folder's files, in order of name."""
    whole = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        whole.update(f"{name} {digest.hexdigest()}\n".encode())
    return whole.hexdigest()


def machine():
    cpu = platform.machine()
    memory = 0
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            cpu = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), cpu)
        with open("/proc/meminfo", encoding="utf-8") as file:
            memory = round(int(file.readline().split()[1]) / 1048576)
    except (OSError, ValueError, IndexError):
        pass
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": memory}


def commit():
    def git(*words):
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False,
                              cwd=os.path.dirname(os.path.abspath(__file__))).stdout.strip()
    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")


class Failed(Exception):
    pass


def call(command, shown, log):
    """Runs one command; its progress goes to the terminal, the rest to `log`. Returns standard output."""
    with open(log, "w", encoding="utf-8") as messages:
        child = subprocess.run(command, stdout=subprocess.PIPE, stderr=None if sys.stderr.isatty() else messages,
                               text=True, check=False, env={"OMP_WAIT_POLICY": "passive", **os.environ})
    if child.returncode != 0:
        said = ""
        if not sys.stderr.isatty():
            with open(log, encoding="utf-8", errors="replace") as messages:
                said = "\n" + "".join(messages.readlines()[-5:])
        raise Failed(f"{shown} ended with code {child.returncode}{said}")
    return child.stdout


class Bench:
    """One machine, one build, many runs."""

    def __init__(self, options):
        self.options = options
        self.homes, self.hashes = {}, {}
        self.about = {"commit": commit(), "machine": machine()}

    def shown(self, command):
        """The command as a reader would type it."""
        words = []
        for word in command:
            for path, name in ((self.options.bin, "penchant"), *((home, "HOME") for home in self.homes.values()),
                               (self.options.data, "DATA")):
                if word == path or word.startswith(path + "/"):
                    word = name + word[len(path):]
                    break
            words.append(word)
        return " ".join(words)

    def data_hash(self, name):
        if name not in self.hashes:
            folder = os.path.join(self.options.data, sets.SETS[name]["folder"])
            if not os.path.isdir(folder):
                raise Failed(f"{folder} is not there: name the folder of the data sets with --data")
            self.hashes[name] = hash_of(folder)
        return self.hashes[name]

    def home(self, name):
        """A home with this set, imported once, by one process at a time."""
        if name not in self.homes:
            os.makedirs(self.options.homes, exist_ok=True)
            with open(os.path.join(self.options.homes, f"{name}.lock"), "w", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.import_set(name)
        return self.homes[name]

    def import_set(self, name):
        home = os.path.abspath(os.path.join(self.options.homes, name))
        mark = os.path.join(home, "benchmark.json")
        wanted = {"data": self.data_hash(name)}
        try:
            with open(mark, encoding="utf-8") as file:
                known = json.load(file)
        except (OSError, ValueError):
            known = None
        self.homes[name] = home
        if known == wanted:
            return
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        folder = os.path.join(self.options.data, sets.SETS[name]["folder"])
        print(f"{name}: import {sets.SETS[name]['folder']}", flush=True)
        command = [self.options.bin, "--home", home, "--quiet", "import", folder]
        call(command, self.shown(command), os.path.join(home, "import.log"))
        with open(mark, "w", encoding="utf-8") as file:
            json.dump(wanted, file)

    def eval_command(self, name, model, ties, seed, settings):
        measured = ",".join([model, *sets.PARTS]) if model == sets.RELEASE else model
        command = [self.options.bin, "--home", self.home(name)]
        if self.options.threads:
            command += ["--threads", str(self.options.threads)]
        command += ["--json", "eval", "--models", measured, "--ties", ties, "--seed", str(seed),
                    "--resamples", str(self.options.resamples)]
        if model == sets.RELEASE:
            return [*command, "--release", self.release(name, ties, seed, settings)]
        for key, value in settings.items():
            command += ["--set", f"{model}.{key}={value}"]
        return command

    def release(self, name, ties, seed, settings):
        """Penchant's own model: one release per seed and tie order, trained once; anew with --again."""
        release = f"benchmark-{seed}" if ties == "given" else f"benchmark-{ties}-{seed}"
        home = self.home(name)
        folder = os.path.join(home, "models", release)
        if self.options.again:
            shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(os.path.join(folder, "manifest.json")):
            command = [self.options.bin, "--home", home, "train", "--name", release, "--seed", str(seed), "--no-promote"]
            if self.options.threads:
                command[3:3] = ["--threads", str(self.options.threads)]
            if ties != "given":
                command += ["--ties-seed", str(seed)]
            for key, value in settings.items():
                command += ["--set", f"{key}={value}"]
            call(command, self.shown(command), os.path.join(home, "train.log"))
        return release

    def run(self, name, model, ties, seed, settings):
        """The records of one run: of the model, and of the parts that a release has."""
        command = self.eval_command(name, model, ties, seed, settings)
        started = time.time()
        text = call(command, self.shown(command), os.path.join(self.home(name), "eval.log"))
        seconds = time.time() - started
        answer = json.loads(text)
        return [{"set": name, "model": measured, "ties": ties, "seed": seed, "settings": settings,
                 "users": answer["results"][0]["users"], "items": answer["protocol"]["items"],
                 "data_sha256": self.data_hash(name), "seconds": round(seconds, 1),
                 "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)), "command": self.shown(command),
                 **({"trainer": sets.TRAINER} if model in sets.TRAINED else {}), **self.about,
                 "results": self.results(answer, measured, f"{self.shown(command)} on {name}")}
                for measured in ([model, *sets.PARTS] if model == sets.RELEASE else [model])]

    @staticmethod
    def results(answer, model, shown):
        """{filter: {metric: [value, low, high]}} of one model."""
        results = {}
        for result in answer["results"]:
            if result["model"] != model:
                continue
            if result.get("seen_in_training"):
                raise Failed(f"{shown}: {model} saw the test events: nothing to record")
            results[result["seen"]] = {
                metric: [round(result["metrics"][metric][key], 6) for key in ("value", "low", "high")]
                for metric in sets.RECORDED if metric in result["metrics"]}
        if set(results) != set(sets.FILTERS):
            raise Failed(f"{shown} gave no result for {model} under both filters")
        return results


def plan(options):
    """(set, model, ties, seed, settings) of every run that has no record yet, and how many have one."""
    settings = records.read_settings(options.out)
    todo, done = [], 0
    for name in options.sets:
        for ties in options.ties:
            if ties not in sets.SETS[name]["ties"]:
                continue
            for model in options.models:
                for seed in sets.seeds_of(name, model, ties, options.seeds):
                    wanted = settings.get(name, {}).get(model, {})
                    record = records.read(records.path_of(options.out, name, model, ties, seed))
                    if record is not None and record["settings"] == wanted and sets.is_current(record) and not options.again:
                        done += 1
                    else:
                        todo.append((name, model, ties, seed, wanted))
    return todo, done


class Pace:
    """How long the rest will take: by the runs of the same set and model, else by the mean."""

    def __init__(self, known):
        self.known = {}
        for record in known:
            self.known.setdefault((record["set"], record["model"]), []).append(record["seconds"])

    def add(self, record):
        self.known.setdefault((record["set"], record["model"]), []).append(record["seconds"])

    def left(self, todo):
        if not self.known:
            return None
        every = [seconds for of_model in self.known.values() for seconds in of_model]
        mean = sum(every) / len(every)
        total = 0
        for name, model, *_ in todo:
            of_model = self.known.get((name, model))
            total += sum(of_model) / len(of_model) if of_model else mean
        return total


def run(options):
    todo, done = plan(options)
    print(f"{len(todo)} runs to do, {done} recorded already", flush=True)
    if options.dry_run:
        for name, model, ties, seed, settings in todo:
            print(f"   {name} {model} ties {ties} seed {seed} {settings or ''}")
        return 0
    bench, pace, failures = Bench(options), Pace(records.read_all(options.out)), []
    for at, (name, model, ties, seed, settings) in enumerate(todo):
        left = pace.left(todo[at:])
        print(f"[{at + 1}/{len(todo)}] {name} {model}, ties {ties}, seed {seed}"
              + (f"; about {clock(left)} left" if left else ""), flush=True)
        try:
            made = bench.run(name, model, ties, seed, settings)
        except Failed as error:
            failures.append(f"{name} {model} ties {ties} seed {seed}: {error}")
            print(f"   failed: {error}", flush=True)
            continue
        record = made[0]
        for part in made:
            records.write(records.path_of(options.out, name, part["model"], ties, seed), part)
        pace.add(record)
        shown = ", ".join(f"{seen} R@10 {values['recall@10'][0]:.4f} N@10 {values['ndcg@10'][0]:.4f}"
                          for seen, values in record["results"].items())
        print(f"   {clock(record['seconds'])}  {shown}", flush=True)
    for failure in failures:
        print(f"not recorded: {failure}", file=sys.stderr)
    return 1 if failures else 0
