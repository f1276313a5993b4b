#!/usr/bin/env python3
"""The same model and options make the same bytes: twice, in another folder, locale, time zone, umask and home, on one core and on all, in an empty
environment, and under another temporary folder; and without compiler and emulator everything but the measured fields of the report.

determinism.py GLOWWORM MODELS KIT
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

glowworm, models, kit = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3]
# What a measurement fills in; without one it is null or not there, and a reason stands for it.
MEASURED = {"flash", "cycles", "instructions", "stack_bytes", "code_bytes", "compiler", "cflags", "weights_bytes", "loads", "stores"}
work = tempfile.mkdtemp(prefix="glowworm-same-")
problems, runs = [], 0


def cases():
    digits = os.path.join(models, "digits.onnx")
    yield "int8", [digits, "--cpu", "cortex-m0plus", "--calibrate", os.path.join(models, "digits.txt"), "--image-range", "0..1"]
    yield "float32", [digits, "--cpu", "cortex-m4", "--precision", "float32"]
    tflite = os.path.join(kit, "models", "micro_speech_quantized.tflite")
    if os.path.exists(tflite):
        yield "tflite", [tflite, "--cpu", "cortex-m4"]
    else:
        print(f"SKIPPED: a TFLite model (no kit at {kit})")


def content(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            found[name] = f.read()
    return found


def without_measurements(value):
    if isinstance(value, dict):
        return {k: without_measurements(v) for k, v in value.items() if k not in MEASURED}
    return [without_measurements(v) for v in value] if isinstance(value, list) else value


def compile_to(folder, arguments, environment=None, prefix=(), cwd=None, umask=-1):
    global runs
    runs += 1
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    done = subprocess.run([*prefix, glowworm, "compile", *arguments, "-o", folder], env=environment, cwd=cwd, umask=umask, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compile failed: {done.stderr}")
    return content(folder)


def compare(what, first, second):
    for name in sorted(set(first) | set(second)):
        if first.get(name) != second.get(name):
            problems.append(f"{what}: {name} differs")


def tools_hidden():
    """A PATH without cross compiler and emulator."""
    empty = os.path.join(work, "nothing")
    os.makedirs(empty, exist_ok=True)
    return dict(os.environ, PATH=empty)


try:
    for name, arguments in cases():
        at = lambda n: os.path.join(work, name, n, "bundle")
        first = compile_to(at("first"), arguments)
        plain = dict(os.environ)
        compare(f"{name}, twice", first, compile_to(at("twice"), arguments))
        compare(f"{name}, over itself", first, compile_to(at("twice"), arguments))
        compare(f"{name}, another folder", first, compile_to(os.path.join(work, name, "a far longer path", "mit Ümlauten", "b"), arguments, cwd="/"))
        # The model itself elsewhere: only file names, never folders, may reach an output.
        moved = os.path.join(work, name, "moved")
        shutil.copytree(models, moved)
        there = [os.path.join(moved, os.path.relpath(a, models)) if a.startswith(models + os.sep) else a for a in arguments]
        compare(f"{name}, model elsewhere", first, compile_to(at("elsewhere"), there))
        for locale in ("de_DE.UTF-8", "tr_TR.UTF-8", "C", "C.UTF-8"):
            compare(f"{name}, locale {locale}", first, compile_to(at(locale), arguments, dict(plain, LC_ALL=locale, LANG=locale, LANGUAGE=locale)))
        for zone in ("Asia/Kathmandu", "America/St_Johns"):
            compare(f"{name}, time zone {zone}", first, compile_to(at("zone"), arguments, dict(plain, TZ=zone)))
        for mask in (0o000, 0o077):
            compare(f"{name}, umask {mask:o}", first, compile_to(at("umask"), arguments, umask=mask))
        if shutil.which("taskset"):
            compare(f"{name}, one core", first, compile_to(at("core"), arguments, prefix=("taskset", "-c", str(min(os.sched_getaffinity(0))))))
        else:
            print("SKIPPED: one core (no taskset)")
        other = os.path.join(work, name, "tmp")
        os.makedirs(other, exist_ok=True)
        compare(f"{name}, other temporary folder, home and cache", first,
                compile_to(at("tmp"), arguments, dict(plain, TMPDIR=other, HOME=other, XDG_CACHE_HOME=other, USER="somebody")))
        compare(f"{name}, almost no environment", first, compile_to(at("bare"), arguments, {"PATH": os.environ["PATH"]}))
        # Without tools nothing is measured; everything else is the same, byte for byte.
        blind = compile_to(at("blind"), arguments, tools_hidden())
        reports = [json.loads(c.pop("report.json")) for c in (first, blind)]
        texts = [c.pop("report.txt") for c in (first, blind)]
        compare(f"{name}, no compiler and no emulator", first, blind)
        if without_measurements(reports[0]) != without_measurements(reports[1]):
            problems.append(f"{name}, no compiler and no emulator: report.json differs in more than what is measured")
        if reports[1]["cycles"].get("total") is not None or texts[0] == texts[1] and reports[0]["cycles"].get("total") is not None:
            problems.append(f"{name}: the run without tools measured something")
finally:
    shutil.rmtree(work, ignore_errors=True)

print(f"{runs} bundles compiled")
for problem in problems:
    print("FAILED:", problem)
print(f"{len(problems)} failures")
sys.exit(1 if problems else 0)
