"""The closed loop over HTTP: events move the list, a new item is recommendable, answers are explained."""
import time
import unittest

from penchant import ServerCase

GENRE = "Horror"


def genres(item):
    value = item["fields"].get("class") or item["fields"].get("genres") or []
    return value if isinstance(value, list) else value.split()


class ClosedLoop(ServerCase):
    def share(self, user):
        items = self.server.recommend(user=user, n=10)["items"]
        return sum(GENRE in genres(i) for i in items) / 10

    def films_of(self, genre, n):
        answer = self.server.recommend(user="nobody-yet", n=n, filter=f'class IN ("{genre}")')
        return [i["id"] for i in answer["items"]]

    def test_three_events_of_one_genre_raise_its_share(self):
        raised = 0
        people = ["196", "22", "244", "298", "115"]
        for user in people:
            before = self.share(user)
            seen = {e["item"] for e in self.server.get(f"/v1/users/{user}/events?limit=1000")[1]["events"]}
            films = [f for f in self.films_of(GENRE, 50) if f not in seen][:3]
            status, answer = self.server.post("/v1/events", {"events": [
                {"user": user, "item": film, "type": "rating", "value": 5} for film in films]})
            self.assertEqual((status, answer["accepted"]), (200, 3), answer)
            after = self.share(user)
            raised += after > before
            self.assertGreaterEqual(after, before, f"user {user}")
        self.assertGreaterEqual(raised, 4, "the share rises for at least four of five people")

    def test_a_new_item_with_text_only_reaches_a_fitting_user_within_five_seconds(self):
        status, _ = self.server.post("/v1/events", {"events": [
            {"user": "family", "item": film, "type": "rating", "value": 5} for film in ("1", "95", "71")]})
        self.assertEqual(status, 200)
        started = time.monotonic()
        status, answer = self.server.put("/v1/items/new-film", {
            "title": "The Clockwork Puppy", "attributes": {"class": ["Animation", "Children's", "Comedy"]}})
        self.assertIn(status, (200, 201), answer)
        ids = [i["id"] for i in self.server.recommend(user="family", n=100)["items"]]
        self.assertLess(time.monotonic() - started, 5)
        self.assertIn("new-film", ids)
        self.server.request("DELETE", "/v1/items/new-film")
        ids = [i["id"] for i in self.server.recommend(user="family", n=100)["items"]]
        self.assertNotIn("new-film", ids, "a deleted item never returns")

    def test_filters_exclusions_and_seen_items_are_obeyed(self):
        answer = self.server.recommend(user="405", n=50, filter='release_year >= 1990 AND class IN ("Drama")')
        self.assertTrue(answer["items"])
        for item in answer["items"]:
            self.assertIn("Drama", genres(item))
            self.assertGreaterEqual(float(item["fields"]["release_year"]), 1990)
        first = answer["items"][0]["id"]
        again = self.server.recommend(user="405", n=50, exclude=[first])
        self.assertNotIn(first, [i["id"] for i in again["items"]])
        seen = {e["item"] for e in self.server.get("/v1/users/405/events?limit=1000")[1]["events"]}
        self.assertFalse(seen & {i["id"] for i in again["items"]}, "seen items stay out by default here")

    def test_reasons_carry_evidence_and_the_line_speaks_of_nothing_else(self):
        answer = self.server.recommend(user="196", n=5, explain="short")
        for item in answer["items"]:
            self.assertTrue(item["explanation"])
            self.assertTrue(item["reasons"])
            for reason in item["reasons"]:
                self.assertTrue(reason["evidence"], reason)
        self.assertEqual(answer["degraded"], [])

    def test_query_similar_and_session_use_the_same_endpoint(self):
        self.assertTrue(any("Star" in i["title"] for i in self.server.recommend(query="star", n=5)["items"]))
        similar = self.server.recommend(similar_to=["50"], n=5)["items"]
        self.assertNotIn("50", [i["id"] for i in similar])
        self.assertEqual(len(self.server.recommend(session=[{"item": "183"}, {"item": "89"}], n=5)["items"]), 5)

    def test_operational_endpoints(self):
        for path in ("/healthz", "/livez", "/readyz", "/version", "/openapi.json", "/metrics", "/"):
            self.assertEqual(self.server.get(path)[0], 200, path)
        self.assertIn("penchant_", self.server.get("/metrics")[1])


if __name__ == "__main__":
    unittest.main()
