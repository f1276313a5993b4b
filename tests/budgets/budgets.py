#!/usr/bin/env python3
"""Measures what bundles cost and compares with the best committed figures in budgets.json.

  budgets.py --glowworm TOOL --project FOLDER --kit FOLDER check     fails when a figure has grown by more than 1 %
  budgets.py --glowworm TOOL --project FOLDER --kit FOLDER update    lowers the committed figures (--all: sets them, up or down)
  budgets.py self-test                                               the comparison itself

Figures are bytes and cycles; less is better in all of them. Exit 77: nothing could be measured here.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "budgets.json")
DIGITS = ["--calibrate", "{project}/models/digits", "--image-range", "0..1"]
KWS = ["--calibrate", "{kit}/data/kws01_inputs.npy[0:100]", "--sample-scale", "0.5847029089927673", "--sample-zero", "83"]
IC = ["--calibrate", "{kit}/data/cifar10_calib", "--image-range", "0..255"]

# name: (model, options)
CASES = {
    "digits m0plus": ("{project}/models/digits.onnx", ["--cpu", "cortex-m0plus"] + DIGITS),
    "digits m4": ("{project}/models/digits.onnx", ["--cpu", "cortex-m4"] + DIGITS),
    "digits m0plus ram": ("{project}/models/digits.onnx", ["--cpu", "cortex-m0plus", "--optimize", "ram"] + DIGITS),
    "digits m0plus ram arena": (
        "{project}/models/digits.onnx",
        ["--cpu", "cortex-m0plus", "--optimize", "ram", "--input", "arena", "--output", "arena"] + DIGITS),
    "kws m4": ("{kit}/models/kws01_float.onnx", ["--cpu", "cortex-m4"] + KWS),
    "kws m0plus": ("{kit}/models/kws01_float.onnx", ["--cpu", "cortex-m0plus"] + KWS),
    "ic m4": ("{kit}/models/ic01_float.onnx", ["--cpu", "cortex-m4"] + IC),
    "ic m0plus": ("{kit}/models/ic01_float.onnx", ["--cpu", "cortex-m0plus"] + IC),
    "ad m4": ("{kit}/models/ad01_float.onnx", ["--cpu", "cortex-m4", "--calibrate", "{kit}/models/ad01_float_io.npz"]),
    "vww m4": ("{kit}/models/vww01_float.onnx", ["--cpu", "cortex-m4", "--calibrate", "{kit}/models/vww01_float_io.npz"]),
}
FIGURES = {
    "cycles": ("cycles", "total"),
    "code_bytes": ("flash", "code_bytes"),
    "tables_bytes": ("flash", "tables_bytes"),
    "weights_bytes": ("flash", "weights_bytes"),
    "arena_bytes": ("ram", "arena_bytes"),
    "ram_bytes": ("ram", "total_bytes"),
    "stack_bytes": ("ram", "stack_bytes"),
}
TOLERANCE = 1.01


def measure(args):
    """{case: {figure: value}} of what can be measured here, and what cannot."""
    places = {"project": args.project, "kit": args.kit}
    seen, skipped = {}, []
    for name, (model, options) in CASES.items():
        model = model.format(**places)
        if args.only and args.only not in name:
            continue
        if not os.path.exists(model):
            skipped.append(name)
            continue
        with tempfile.TemporaryDirectory() as folder:
            command = [args.glowworm, "compile", model, "-o", os.path.join(folder, "b"), "--name", "net", "--json"]
            run = subprocess.run(command + [o.format(**places) for o in options], capture_output=True, text=True)
            answer = json.loads(run.stdout)
            if run.returncode != 0:
                sys.exit("%s: %s" % (name, answer["errors"]))
            report = answer["report"]
        figures = {key: report[group].get(item) for key, (group, item) in FIGURES.items()}
        seen[name] = {key: value for key, value in figures.items() if value is not None}
        print("%-26s %s" % (name, "  ".join("%s %s" % pair for pair in seen[name].items())), flush=True)
    return seen, skipped


def faults(committed, seen):
    """What has grown, one line each."""
    lines = []
    for name, figures in seen.items():
        for key, value in figures.items():
            best = committed.get(name, {}).get(key)
            if best is None:
                lines.append("%s: %s has no committed figure (tools/update-budgets adds it)" % (name, key))
            elif value > best * TOLERANCE:
                lines.append("%s: %s is %d, the best was %d (+%.1f %%)" % (name, key, value, best, 100.0 * value / best - 100 if best else 0))
    return lines


def lowered(committed, seen, everything):
    result = {name: dict(figures) for name, figures in committed.items()}
    for name, figures in seen.items():
        mine = result.setdefault(name, {})
        for key, value in figures.items():
            if everything or key not in mine or value < mine[key]:
                mine[key] = value
    return result


def self_test():
    best = {"a": {"cycles": 1000, "ram": 0}}
    assert faults(best, {"a": {"cycles": 1010, "ram": 0}}) == []
    assert len(faults(best, {"a": {"cycles": 1011}})) == 1
    assert len(faults(best, {"a": {"ram": 1}})) == 1
    assert len(faults(best, {"b": {"cycles": 1}})) == 1
    assert lowered(best, {"a": {"cycles": 900, "ram": 5}}, False) == {"a": {"cycles": 900, "ram": 0}}
    assert lowered(best, {"a": {"cycles": 2000}, "b": {"x": 1}}, True) == {"a": {"cycles": 2000, "ram": 0}, "b": {"x": 1}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--glowworm")
    parser.add_argument("--project", default=os.path.dirname(os.path.dirname(HERE)))
    parser.add_argument("--kit", default="")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("command", choices=["check", "update", "self-test"])
    args = parser.parse_args()
    if args.command == "self-test":
        return self_test()
    args.kit = os.environ.get("GLOWWORM_KIT") or args.kit
    seen, skipped = measure(args)
    if skipped:
        print("SKIPPED, not tested: %s (the kit is not there; set GLOWWORM_KIT)" % ", ".join(skipped))
    try:
        with open(FILE) as f:
            committed = json.load(f)
    except FileNotFoundError:
        committed = {}
    if args.command == "update":
        with open(FILE, "w") as f:
            json.dump(lowered(committed, seen, args.all), f, indent=1)
            f.write("\n")
        return
    if not any("cycles" in figures for figures in seen.values()):
        print("SKIPPED, not tested: no cross-compiler or emulator here")
        sys.exit(77)
    lines = faults(committed, seen)
    for line in lines:
        print(line)
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
