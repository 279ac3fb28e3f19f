"""Trained baselines and tuning with the real penchant-train: files, cache, failures, and what is printed."""
import glob
import json
import os
import shlex
import shutil
import tempfile
import unittest

from penchant import BIN, copied_home, run

SMALL = ["--set", "sasrec.dim=16", "--set", "sasrec.layers=1", "--set", "sasrec.epochs=2", "--set", "sasrec.max_len=20"]


class TrainedBaselines(unittest.TestCase):
    def evaluate(self, home, *more):
        done = run("--json", "eval", "--models", "sasrec,popularity", *SMALL, *more, home=home, check=0, timeout=600)
        return {(r["model"], r["seen"]): r["metrics"] for r in json.loads(done.stdout)["results"]}

    def test_a_second_evaluation_trains_nothing_and_says_the_same(self):
        with copied_home() as home:
            first = self.evaluate(home)
            cached = glob.glob(os.path.join(home, "cache", "baselines", "sasrec-*", "cached.json"))
            self.assertEqual(len(cached), 1)
            with open(cached[0], encoding="utf-8") as file:
                record = json.load(file)
            self.assertEqual(record["settings"]["dim"], "16")
            written = os.stat(cached[0]).st_mtime_ns
            self.assertEqual(self.evaluate(home), first)
            self.assertEqual(os.stat(cached[0]).st_mtime_ns, written)
            self.assertEqual(glob.glob(os.path.join(home, "cache", "baselines", ".partial-*")), [])
            self.evaluate(home, "--seed", "2")
            self.assertEqual(len(glob.glob(os.path.join(home, "cache", "baselines", "sasrec-*"))), 2)

    def test_six_epochs_beat_popularity(self):
        with copied_home() as home:
            done = run("--json", "eval", "--models", "sasrec,popularity", "--set", "sasrec.epochs=6", "--set", "sasrec.dim=32",
                       "--set", "sasrec.learning_rate=0.005", home=home, check=0, timeout=600)
            values = {(r["model"], r["seen"]): r["metrics"]["ndcg@10"]["value"] for r in json.loads(done.stdout)["results"]}
            self.assertGreater(values["sasrec", "removed"], values["popularity", "removed"])

    def test_settings_that_do_not_go_together_carry_the_trainers_words(self):
        with copied_home() as home:
            done = run("eval", "--models", "sasrec", "--set", "sasrec.dim=24", "--set", "sasrec.heads=5", home=home, timeout=300)
            self.assertEqual(done.returncode, 1)
            self.assertIn("sasrec", done.stderr)
            self.assertIn("heads", done.stderr)

    def test_without_a_trainer_it_says_what_to_do(self):
        with copied_home() as home, tempfile.TemporaryDirectory() as folder:
            alone = shutil.copy(BIN, folder)
            done = run("eval", "--models", "sasrec", home=home, timeout=300, executable=alone)
            self.assertEqual(done.returncode, 6, done.stderr)
            self.assertIn("penchant-train", done.stderr)


class Tune(unittest.TestCase):
    def test_it_goes_on_where_it_ended_and_its_last_line_runs(self):
        with copied_home() as home:
            first = json.loads(run("--json", "tune", "popularity-recent", "--trials", "3", home=home, check=0).stdout)
            self.assertEqual(first["new_trials"], 3)
            again = json.loads(run("--json", "tune", "popularity-recent", "--trials", "5", home=home, check=0).stdout)
            self.assertEqual(again["new_trials"], 2)
            self.assertEqual(again["protocol"]["stage"], "validation")
            text = run("tune", "popularity-recent", "--trials", "5", home=home, check=0).stdout
            self.assertIn("defaults", text)
            line = [row for row in text.splitlines() if row.startswith("    penchant ")][0]
            run(*shlex.split(line)[1:], check=0)

    def test_a_trained_model_is_tuned_by_the_same_path(self):
        with copied_home() as home:
            done = json.loads(run("--json", "tune", "sasrec", "--trials", "2", "--set", "epochs=1", "--set", "dim=16",
                                  "--set", "max_len=20", "--set", "layers=1", "--set", "batch=256", home=home, check=0,
                                  timeout=600).stdout)
            self.assertEqual(len(done["trials"]) + done["failed"], 2)
            self.assertNotIn("epochs", done["searched"])

    def test_the_user_model_is_tuned_and_leaves_only_what_it_found(self):
        with copied_home() as home:
            before = sorted(os.listdir(os.path.join(home, "models")))
            live = run("--json", "models", "list", home=home, check=0).stdout
            small = ["--set", "epochs=1", "--set", "dim=16", "--set", "layers=1", "--set", "max_len=20"]
            done = json.loads(run("--json", "tune", "dense", "--trials", "2", *small, home=home, check=0, timeout=600).stdout)
            self.assertEqual(len(done["trials"]) + done["failed"], 2)
            self.assertEqual(done["protocol"]["stage"], "validation")
            self.assertIn("learning_rate", done["searched"])
            again = json.loads(run("--json", "tune", "dense", "--trials", "2", *small, home=home, check=0, timeout=600).stdout)
            self.assertEqual(again["new_trials"], 0)
            self.assertEqual(sorted(os.listdir(os.path.join(home, "models"))), before)
            self.assertEqual(run("--json", "models", "list", home=home, check=0).stdout, live)
            words = shlex.split(done["eval"])
            self.assertIn("train", words)
            run(*words[1:], "--no-promote", "--name", "chosen", check=0, timeout=600)

    def test_the_user_model_is_not_tuned_on_what_no_release_holds_out(self):
        with copied_home() as home:
            self.assertIn("last-out, time or cold", run("tune", "penchant", "--protocol", "windows", home=home, check=1).stderr)


if __name__ == "__main__":
    unittest.main()
