"""New items arrive after training: the replay tells how soon the people who took them were shown them."""
import json
import os
import unittest

from penchant import OwnHome, run
from small_shop import GENRES, PER_GENRE, USERS, write_part

LATER, NEW = 3, 3  # events of everyone after the cut; new items of each genre


class Replay(OwnHome):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for seed, first, last, events in ((1, 0, PER_GENRE, 12), (2, PER_GENRE, PER_GENRE + NEW, LATER)):
            part = os.path.join(cls.folder.name, f"part{seed}")
            write_part(part, first, last, events, seed)
            run("import", part, home=cls.home, check=0)
        # The test begins with the first event of the second part.
        run("train", "--name", "r", "--preset", "tiny", "--holdout", "time", "--validation-from", "0.7", "--test-from", "0.8", "--set", "epochs=8",
            home=cls.home, check=0, timeout=600)
        cls.found = json.loads(run("--json", "replay", "-k", "10", home=cls.home, check=0, timeout=300).stdout)

    def test_every_later_event_is_replayed_and_every_new_item_counted(self):
        self.assertEqual((self.found["events"], self.found["new_items"]), (USERS * LATER, GENRES * NEW))
        self.assertEqual(self.found["all"]["cases"], sum(s["cases"] for s in self.found["steps"]))
        self.assertGreater(self.found["all"]["cases"], 100)

    def test_ids_alone_cannot_find_an_item_without_events(self):
        first = self.found["steps"][0]
        self.assertEqual(first["events_before"], "0")
        self.assertEqual(first["recall"]["counts"]["value"], 0)
        self.assertGreater(self.found["all"]["recall"]["counts"]["value"], 0)

    def test_known_items_are_found_by_whoever_knows_the_genre(self):
        known = self.found["known"]
        self.assertGreater(known["cases"], 50)
        # Ten of the 20 known items of the genre, nine times of ten, and new ones among them.
        self.assertGreater(known["recall"]["live"]["value"], 0.25)
        self.assertGreater(known["recall"]["frozen"]["value"], 0.25)

    def test_more_people_find_an_item_as_it_is_taken(self):
        for model in ("live", "frozen", "counts"):
            shares = [v["found"][model]["value"] for v in self.found["velocity"] if v["items"] == GENRES * NEW]
            self.assertEqual(shares, sorted(shares), model)
        self.assertEqual([v["people"] for v in self.found["velocity"]], [1, 2, 5, 10, 20][: len(self.found["velocity"])])

    def test_a_release_that_held_out_something_else_is_refused(self):
        run("train", "--name", "other", "--preset", "tiny", "--no-promote", "--set", "epochs=1", home=self.home, check=0, timeout=600)
        done = run("replay", "--release", "other", home=self.home, check=1)
        self.assertIn("--holdout time", done.stderr)

    def test_the_table_fits_a_terminal_and_a_limit_ends_it(self):
        text = run("replay", "--limit", "5", home=self.home, check=0).stdout
        self.assertLessEqual(max(map(len, text.splitlines())), 100, text)
        self.assertIn("live - counts", text)


if __name__ == "__main__":
    unittest.main()
