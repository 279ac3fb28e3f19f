#!/usr/bin/env python3
"""Latency of /v1/recommend from one client in a closed loop, start-up time and resident memory.

    bench/serve_latency.py --home HOME [--bin build/release/bin/penchant] [--requests 2000] [--seed 1]

Users are drawn at random (seeded) from those with events; the first request of each user computes
the user state (cold), later ones find it cached (warm): both are reported.
"""
import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", required=True)
    parser.add_argument("--bin", default="build/release/bin/penchant")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--explain", default="none")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    started = time.perf_counter()
    server = subprocess.Popen([args.bin, "--home", args.home, "serve", "--port", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
            except OSError:
                connection.close()
            if server.poll() is not None:
                sys.exit("the server ended while starting")
            time.sleep(0.005)
        ready = time.perf_counter() - started
        connection.request("GET", "/v1/users?limit=1000")
        users = [u["id"] for u in json.loads(connection.getresponse().read())["users"]]
        draw = random.Random(args.seed)
        seen, cold, warm = set(), [], []
        for _ in range(args.requests):
            user = draw.choice(users)
            body = json.dumps({"user": user, "n": 10, "explain": args.explain})
            begin = time.perf_counter()
            connection.request("POST", "/v1/recommend", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            elapsed = 1000 * (time.perf_counter() - begin)
            if answer.status != 200:
                sys.exit(f"recommend for {user} answered {answer.status}")
            (warm if user in seen else cold).append(elapsed)
            seen.add(user)
        with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
            memory = {k: int(v.split()[0]) / 1024 for k, v in
                      (line.split(":", 1) for line in status if line.startswith(("VmRSS", "VmHWM")))}
        everything = cold + warm
        result = {"ready_s": round(ready, 3), "requests": len(everything), "explain": args.explain,
                  "resident_mb": round(memory["VmRSS"]), "peak_mb": round(memory["VmHWM"])}
        for name, values in (("all", everything), ("cold", cold), ("warm", warm)):
            if values:
                result[f"{name}_ms"] = {f"p{int(100 * p)}": round(percentile(values, p), 2) for p in (0.5, 0.9, 0.99)}
        if args.json:
            print(json.dumps(result))
        else:
            for key, value in result.items():
                print(f"{key:12} {value}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


if __name__ == "__main__":
    main()
