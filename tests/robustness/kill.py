#!/usr/bin/env python3
"""kill -9 during compile: the folder holds wholly the old or wholly the new bundle, and nothing is left lying about.

kill.py GLOWWORM MODELS [--times N] [--preload KILL_AT_LIBRARY]

A bundle is compiled over another one of the same name, again and again, in two options' turns. The process is killed at N random times within
the duration of a whole run, and, with the library, before every single call that changes the file system. After each death the folder must equal
one of the two bundles, byte for byte, with the user's own file in it; after the next whole run no file but these may be anywhere around it.
A folder that cannot be exchanged (it has a subfolder) is replaced in place: there files may be missing after a death, but none of one bundle may
lie beside one of the other where the two differ.
"""
import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("glowworm")
parser.add_argument("models")
parser.add_argument("--times", type=int, default=100)
parser.add_argument("--preload")
options = parser.parse_args()

turns = [["--precision", "float32", "--input", "caller"], ["--precision", "float32", "--input", "arena", "--output", "arena"]]


def command(folder, turn):
    return [options.glowworm, "compile", os.path.join(options.models, "digits.onnx"), "-o", folder, "--measure", "none"] + turns[turn]


def run(folder, turn, **environment):
    return subprocess.run(command(folder, turn), capture_output=True, text=True, env=dict(os.environ, **environment))


def compile_whole(folder, turn):
    done = run(folder, turn)
    if done.returncode != 0:
        sys.exit(f"compile failed: {done.stderr}")


def content(folder):
    """name -> digest of every file below a folder; hidden ones too."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = hashlib.sha256(f.read()).hexdigest()
    return found


work = tempfile.mkdtemp(prefix="glowworm-kill-")
counts = {"random": 0, "calls": 0, "calls, in place": 0, "old": 0, "new": 0, "partial": 0}
problems = []
try:
    parent = os.path.join(work, "parent")
    bundle = os.path.join(parent, "bundle")
    os.makedirs(bundle)
    with open(os.path.join(bundle, "mine.txt"), "w") as f:
        f.write("the user's own\n")
    whole = []
    for turn in (0, 1):
        compile_whole(bundle, turn)
        whole.append(content(bundle))
    assert whole[0] != whole[1] and set(whole[0]) == set(whole[1]), "the two bundles must differ in content, not in names"
    current = 1

    def check(what):
        """Which bundle is there now; the other one's turn is next."""
        global current
        now = content(bundle)
        if now == whole[current]:
            counts["old"] += 1
        elif now == whole[1 - current]:
            counts["new"] += 1
            current = 1 - current
        else:
            problems.append(f"{what}: neither the old nor the new bundle: {sorted(now)}")
            compile_whole(bundle, 0)
            current = 0

    def check_litter(what):
        global current
        compile_whole(bundle, 1 - current)
        current = 1 - current
        around = content(parent)
        expected = {os.path.join("bundle", n): d for n, d in whole[current].items()}
        folders = sorted(os.listdir(parent))
        if around != expected or folders != ["bundle"]:
            problems.append(f"{what}: left after a whole run: {sorted(set(around) - set(expected)) or folders}")

    start = time.monotonic()
    compile_whole(bundle, 1 - current)
    duration = time.monotonic() - start
    current = 1 - current
    dice = random.Random(1)
    for i in range(options.times):
        process = subprocess.Popen(command(bundle, 1 - current), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0, duration * 1.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        counts["random"] += 1
        check(f"random time {i}")
        if i % 10 == 9:
            check_litter(f"random time {i}")

    if options.preload:
        counter = os.path.join(work, "count")

        def calls(folder, turn):
            done = run(folder, turn, LD_PRELOAD=options.preload, KILL_AT="0", KILL_COUNT=counter)
            assert done.returncode == 0, done.stderr
            with open(counter) as f:
                return int(f.read())

        total = calls(bundle, 1 - current)
        current = 1 - current
        assert total > 20, f"only {total} calls were seen"
        for at in range(1, total + 1):
            done = run(bundle, 1 - current, LD_PRELOAD=options.preload, KILL_AT=str(at))
            counts["calls"] += 1
            check(f"call {at} (status {done.returncode})")
            check_litter(f"call {at}")

        # In place: every file is of one bundle, where they differ.
        os.mkdir(os.path.join(bundle, "build"))
        with open(os.path.join(bundle, "build", "object.o"), "w") as f:
            f.write("the user's own\n")
        compile_whole(bundle, current)
        before = content(bundle)
        total = calls(bundle, 1 - current)
        current = 1 - current
        after = content(bundle)
        sides = [before, after] if current == 1 else [after, before]
        differing = {n for n in before if before[n] != after.get(n)}
        for at in range(1, total + 1):
            run(bundle, 1 - current, LD_PRELOAD=options.preload, KILL_AT=str(at))
            counts["calls, in place"] += 1
            now = {n: d for n, d in content(bundle).items() if not n.startswith(".glowworm" + os.sep)}
            holds = [any(now.get(n) == side[n] for n in differing) for side in sides]
            if all(holds) or not set(now) <= set(before):
                problems.append(f"in place, call {at}: a mixture")
            if set(now) != set(before):
                counts["partial"] += 1
            compile_whole(bundle, 1 - current)
            current = 1 - current
            if content(bundle) != sides[current] or os.listdir(parent) != ["bundle"]:
                problems.append(f"in place, call {at}: not whole after a whole run: {sorted(content(parent))}")
finally:
    shutil.rmtree(work, ignore_errors=True)

print(f"killed at {counts['random']} random times and before each of {counts['calls']} calls: "
      f"{counts['old']} times the old bundle, {counts['new']} times the new one")
print(f"killed before each of {counts['calls, in place']} calls in place: {counts['partial']} times incomplete")
for problem in problems[:20]:
    print("FAILED:", problem)
print(f"{len(problems)} failures")
sys.exit(1 if problems else 0)
