"""kill -9 while events stream in: after the restart every acknowledged event is there, once, in order."""
import threading
import time
import unittest

from penchant import Server, copied_home


class KilledServer(unittest.TestCase):
    def test_every_acknowledged_event_survives(self):
        with copied_home() as home:
            acknowledged = {}
            for round_number in range(3):
                server = Server(home)
                server.start()
                stop = threading.Event()

                def stream(name):
                    number = 0
                    while not stop.is_set():
                        item = str(1 + number % 1600)
                        body = {"user": name, "item": item, "type": "view", "idempotency_key": f"{name}-{number}"}
                        try:
                            status, _ = server.post("/v1/events", body)
                        except OSError:
                            return
                        if status != 200:
                            return
                        acknowledged.setdefault(name, []).append(item)
                        number += 1

                threads = [threading.Thread(target=stream, args=(f"streamer-{round_number}-{t}",)) for t in range(4)]
                for thread in threads:
                    thread.start()
                time.sleep(1.5)
                server.kill()
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertGreater(sum(map(len, acknowledged.values())), 100)
            with Server(home) as server:
                for name, items in acknowledged.items():
                    events = server.get(f"/v1/users/{name}/events?limit=1000")[1]["events"]
                    stored = [e["item"] for e in reversed(events)]
                    newest = items[-900:]
                    at = len(items) - len(newest)
                    if len(items) <= 1000:
                        # One event may have been stored whose acknowledgement was cut off.
                        self.assertIn(len(stored) - len(items), (0, 1), name)
                        self.assertEqual(stored[: len(items)], items, name)
                    else:
                        self.assertTrue(set(items[at:]) <= set(stored))

    def test_a_repeated_key_has_one_effect(self):
        with copied_home() as home, Server(home) as server:
            body = {"user": "twice", "item": "50", "type": "view", "idempotency_key": "k1"}
            self.assertEqual(server.post("/v1/events", body)[1]["accepted"], 1)
            second = server.post("/v1/events", body)[1]
            self.assertEqual((second["accepted"], second["duplicates"]), (0, 1))
            self.assertEqual(len(server.get("/v1/users/twice/events")[1]["events"]), 1)


if __name__ == "__main__":
    unittest.main()
