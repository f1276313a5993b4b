#!/usr/bin/env python3
"""Bad input: every damaged, impossible or unreadable model and every place that cannot be written ends in an error line and status 1.

bad_input.py GLOWWORM MODELS KIT [--flips N] [--every BYTES] [--tflite-cuts N]

Each case runs `glowworm compile` over an old bundle. Failures: a signal or status 2, status 1 without an error line, more than 10 s, more than
1 GiB of memory, or an old bundle that is not what it was although the status is not 0. A damaged model that is still a model (a flipped bit of a
weight) may compile. Prints the counts. Kit models are left out, and that is said, when the kit is not there.
"""
import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import onnx_bytes as o

parser = argparse.ArgumentParser()
parser.add_argument("glowworm")
parser.add_argument("models")
parser.add_argument("kit")
parser.add_argument("--flips", type=int, default=10000)
parser.add_argument("--every", type=int, default=1, help="cut the ONNX model at every so many bytes")
parser.add_argument("--tflite-cuts", type=int, default=500)
parser.add_argument("--inside-mounts", help=argparse.SUPPRESS)
options = parser.parse_args()
options.glowworm = os.path.abspath(options.glowworm)

MOST_SECONDS, MOST_BYTES = 10, 1 << 30
# Sanitized builds reserve terabytes of addresses; all others end here before the machine suffers.
with open(options.glowworm, "rb") as tool:
    sanitized = b"__asan_init" in tool.read()
if not sanitized:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

work = tempfile.mkdtemp(prefix="glowworm-bad-")
counts, problems, worst = {}, [], {"seconds": 0.0, "bytes": 0}


def signature(folder):
    """What changes when anything in the folder is written."""
    if not os.path.isdir(folder):
        return None
    of = lambda s: (s.st_ino, s.st_size, s.st_mtime_ns)
    return [os.stat(folder).st_ino] + sorted((e.name,) + of(e.stat(follow_symlinks=False)) for e in os.scandir(folder))


def run(kind, name, command, bundle, may_compile=False, user=None):
    """One case. Returns the status."""
    before = signature(bundle)
    start = time.monotonic()
    out = tempfile.TemporaryFile()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=out, stdin=subprocess.DEVNULL, user=user)
    timer = threading.Timer(3 * MOST_SECONDS, process.kill)
    timer.start()
    _, state, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = status = os.waitstatus_to_exitcode(state)
    # Processor time: another program's load is no fault of this one. What waits forever is ended by the timer.
    seconds = usage.ru_utime + usage.ru_stime
    out.seek(0)
    said = out.read().decode(errors="replace")
    out.close()
    counted = counts.setdefault(kind, {"cases": 0, "refused": 0, "compiled": 0})
    counted["cases"] += 1
    worst["seconds"] = max(worst["seconds"], seconds)
    worst["bytes"] = max(worst["bytes"], usage.ru_maxrss * 1024)
    why = None
    if status == -signal.SIGKILL and time.monotonic() - start >= 3 * MOST_SECONDS:
        why = "hangs"
    elif status not in (0, 1):
        why = f"status {status}"
    elif status == 0 and not may_compile:
        why = "was accepted"
    elif status == 1 and "error: " not in said:
        why = "status 1 without an error line"
    elif seconds > MOST_SECONDS:
        why = f"{seconds:.1f} s"
    elif usage.ru_maxrss * 1024 > MOST_BYTES and not sanitized:
        why = f"{usage.ru_maxrss // 1024} MiB"
    elif status != 0 and signature(bundle) != before:
        why = "the old bundle was touched"
    if why is None:
        counted["refused" if status == 1 else "compiled"] += 1
    else:
        problems.append(f"{kind}, {name}: {why}: {said.strip()[-300:]}")
    return status


def compile_command(model, bundle):
    precision = [] if model.endswith(".tflite") else ["--precision", "float32"]  # those of the kit are quantized
    return [options.glowworm, "compile", model, "-o", bundle, "--measure", "none"] + precision


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(name, data):
    path = os.path.join(work, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


digits = os.path.join(options.models, "digits.onnx")
bundle = os.path.join(work, "bundle")


def damaged(kind, suffix, data, label, may_compile=True):
    path = write("damaged" + suffix, data)
    if run(kind, label, compile_command(path, bundle), bundle, may_compile) not in (0, 1):
        shutil.copy(path, os.path.join(tempfile.gettempdir(), f"glowworm-finding-{len(problems)}{suffix}"))


def truncations():
    whole = read(digits)
    for n in range(0, len(whole), options.every):
        damaged("ONNX model cut short", ".onnx", whole[:n], f"{n} bytes", may_compile=False)
    small = kit_model("hello_world_int8.tflite")
    for path in [small, kit_model("kws01_int8.tflite")]:
        if path is None:
            continue
        whole = read(path)
        # Half of the cuts in each model. The last bytes may be padding.
        n = options.tflite_cuts // 2
        for i in range(n):
            damaged("TFLite model cut short", ".tflite", whole[: len(whole) * i // n], f"{len(whole) * i // n} bytes", may_compile=False)


def kit_model(name):
    path = os.path.join(options.kit, "models", name)
    if os.path.exists(path):
        return path
    print(f"SKIPPED: {name} (no kit at {options.kit})")
    return None


def flips():
    names = ["hello_world_int8.tflite", "micro_speech_quantized.tflite", "hello_world_float.tflite", "mnist_nxp_keras.onnx"]
    paths = [digits] + [p for p in map(kit_model, names) if p]
    dice = random.Random(1)
    for i in range(options.flips):
        path = paths[i % len(paths)]
        data = bytearray(read(path))
        for _ in range(1 + i // len(paths) % 4):
            # Half of the flips go where the structure is, before and behind the weights.
            edge = min(len(data), 3000)
            at = dice.randrange(len(data)) if dice.random() < 0.5 else dice.choice([dice.randrange(edge), len(data) - 1 - dice.randrange(edge)])
            data[at] ^= 1 << dice.randrange(8)
        damaged("random flips of bytes", os.path.splitext(path)[1], bytes(data), f"{os.path.basename(path)} #{i}")


def shapes():
    big = 1 << 62
    conv = lambda w, shape, *more: o.simple(o.floats("w", w), o.node("Conv", ["x", "w"], ["y"], *more), shape=shape)
    cases = {
        "input of 2^62 x 4": o.simple(o.node("Relu", ["x"], ["y"]), shape=(big, 4)),
        "input whose product overflows": o.simple(o.node("Relu", ["x"], ["y"]), shape=(1 << 32, 1 << 32)),
        "negative dimension": o.simple(o.node("Relu", ["x"], ["y"]), shape=(1, -5)),
        "dimension 0": o.simple(o.node("Relu", ["x"], ["y"]), shape=(1, 0)),
        "rank 40": o.simple(o.node("Relu", ["x"], ["y"]), shape=(1,) * 40),
        "symbol without a size": o.simple(o.node("Relu", ["x"], ["y"]), shape=(1, "T")),
        "weights of another channel count": conv([2, 3, 3, 3], (1, 4, 8, 8)),
        "weights of rank 1": conv([4], (1, 4, 8, 8)),
        "window beyond the input": conv([2, 4, 9, 9], (1, 4, 8, 8)),
        "stride 0": conv([2, 4, 3, 3], (1, 4, 8, 8), o.ints("strides", [0, 0])),
        "stride 2^62": conv([2, 4, 3, 3], (1, 4, 8, 8), o.ints("strides", [big, big]), o.ints("dilations", [big, big])),
        "dilation 2^62": conv([2, 4, 3, 3], (1, 4, 8, 8), o.ints("dilations", [big, big])),
        "pads of 2^62": conv([2, 4, 3, 3], (1, 4, 8, 8), o.ints("pads", [big] * 4)),
        "negative pads": conv([2, 4, 3, 3], (1, 4, 8, 8), o.ints("pads", [-9, -9, -9, -9])),
        "initializer without its data": o.simple(o.tensor("w", [1 << 20, 1 << 12], b"\0" * 16), o.node("Add", ["x", "w"], ["y"])),
        "initializer that says 2^40 elements": o.simple(o.tensor("w", [1 << 20, 1 << 20]), o.node("Add", ["x", "w"], ["y"])),
        "reshape to another size": o.simple(o.int64s("s", [3, 3]), o.node("Reshape", ["x", "s"], ["y"])),
        "reshape with two unknowns": o.simple(o.int64s("s", [-1, -1]), o.node("Reshape", ["x", "s"], ["y"])),
        "expand to 2^60": o.simple(o.int64s("s", [1 << 30, 1 << 30, 4]), o.node("Expand", ["x", "s"], ["y"])),
        "tile by 2^60": o.simple(o.int64s("s", [1 << 30, 1 << 30]), o.node("Tile", ["x", "s"], ["y"])),
        "constant of 2^60": o.model(o.int64s("s", [1 << 30, 1 << 30]), o.node("ConstantOfShape", ["s"], ["y"]), o.value(12, "y", [])),
        "constants expanded to 2^32, folded": o.simple(o.floats("c", [1]), o.int64s("s", [1 << 16, 1 << 14]), o.node("Expand", ["c", "s"], ["e"]),
                                                       o.node("Exp", ["e"], ["f"]), o.node("ReduceSum", ["f"], ["r"]), o.node("Add", ["x", "r"], ["y"])),
        "pad of 2^60": o.simple(o.int64s("p", [0, 1 << 60, 0, 0]), o.node("Pad", ["x", "p"], ["y"])),
        "resize by 2^40": o.simple(o.floats("s", [4], 1e12), o.node("Resize", ["x", "", "s"], ["y"]), shape=(1, 1, 4, 4)),
        "outer product of 2^40": o.simple(o.node("MatMul", ["x", "z"], ["y"]), o.value(11, "z", (1, 1 << 20)), shape=(1 << 20, 1)),
        "slice without end": o.simple(o.int64s("a", [0]), o.int64s("e", [-(1 << 63)]), o.node("Slice", ["x", "a", "e"], ["y"])),
        "gather outside": o.simple(o.int64s("i", [99]), o.node("Gather", ["x", "i"], ["y"], o.ints("axis", [1]))),
        "transpose by a wrong permutation": o.simple(o.node("Transpose", ["x"], ["y"], o.ints("perm", [1, 1]))),
        "operator that is not known": o.simple(o.node("Frobnicate", ["x"], ["y"])),
        "opset 99999": o.model(o.value(11, "x", [1]), o.node("Relu", ["x"], ["y"]), o.value(12, "y", []), opset=99999),
    }
    # Reads well on its own, but what it computes is larger than any microcontroller.
    cases["chain that doubles 40 times"] = o.simple(*[o.node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], o.blob(5, o.blob(1, "axis") + o.number(3, 0) + o.number(20, 2)))
                                                      for i in range(40)], o.node("Relu", ["x"], ["t0"]), result="t40")
    for name, data in cases.items():
        damaged("wrong and huge shapes", ".onnx", data, name, may_compile=False)


def cycles():
    cases = {
        "two nodes in a circle": o.simple(o.node("Add", ["x", "b"], ["a"]), o.node("Relu", ["a"], ["b"]), o.node("Relu", ["b"], ["y"])),
        "a node that reads itself": o.simple(o.node("Add", ["x", "y"], ["y"])),
        "a tensor made twice": o.simple(o.node("Relu", ["x"], ["y"]), o.node("Exp", ["x"], ["y"])),
        "an operand that nothing makes": o.simple(o.node("Add", ["x", "nothing"], ["y"])),
        "an output that nothing makes": o.simple(o.node("Relu", ["x"], ["z"])),
        "no output": o.model(o.value(11, "x", [1]), o.node("Relu", ["x"], ["y"])),
        "no graph": o.number(1, 8),
        "a function that calls itself": o.model(o.value(11, "x", [1]), o.blob(1, o.blob(1, "x") + o.blob(2, "y") + o.blob(4, "F") + o.blob(7, "d")),
                                                o.value(12, "y", [])) + o.blob(8, o.blob(1, "d") + o.number(2, 1)) +
        o.blob(25, o.blob(1, "F") + o.blob(4, "a") + o.blob(5, "b") + o.blob(7, o.blob(1, "a") + o.blob(2, "b") + o.blob(4, "F") + o.blob(7, "d")) +
               o.blob(9, o.number(2, 13)) + o.blob(9, o.blob(1, "d") + o.number(2, 1)) + o.blob(10, "d")),
    }
    for name, data in cases.items():
        damaged("cycles and loose ends", ".onnx", data, name, may_compile=False)


def files():
    kind = "missing and unreadable files"
    run(kind, "missing", compile_command(os.path.join(work, "none.onnx"), bundle), bundle)
    run(kind, "missing .tflite", compile_command(os.path.join(work, "none.tflite"), bundle), bundle)
    run(kind, "missing .gw", compile_command(os.path.join(work, "none.gw"), bundle), bundle)
    run(kind, "a folder", compile_command(options.models, bundle), bundle)
    for suffix in (".onnx", ".tflite", ".gw"):
        run(kind, "empty" + suffix, compile_command(write("empty" + suffix, b""), bundle), bundle)
        run(kind, "zeros" + suffix, compile_command(write("zeros" + suffix, b"\0" * 5000), bundle), bundle)
        run(kind, "noise" + suffix, compile_command(write("noise" + suffix, random.Random(2).randbytes(5000)), bundle), bundle)
    os.symlink("nowhere", os.path.join(work, "dangling.onnx"))
    run(kind, "a link to nowhere", compile_command(os.path.join(work, "dangling.onnx"), bundle), bundle)
    run(kind, "a file without end", compile_command("/dev/zero", bundle), bundle)
    if not sanitized and shutil.which("prlimit"):
        with open(os.path.join(work, "sparse.onnx"), "wb") as f:
            f.truncate(1 << 30)
        run(kind, "more than the memory", ["prlimit", "--as=600000000"] + compile_command(f.name, bundle), bundle)
        os.remove(f.name)
    secret = write("secret.onnx", read(digits))
    os.chmod(secret, 0)
    if os.geteuid() != 0:
        run(kind, "no permission", compile_command(secret, bundle), bundle)
    else:
        nobody_cannot(kind, secret)
    # Options that name files.
    for option in ("--profile", "--calibrate"):
        for name in ("none", "noise.onnx"):
            run(kind, f"{option} {name}", [options.glowworm, "compile", digits, "-o", bundle, "--measure", "none", "--image-range", "0..1", option,
                                           os.path.join(work, name)], bundle)


def nobody_cannot(kind, secret):
    """Root may read everything, so the tool runs as nobody for once."""
    os.chmod(work, 0o755)
    nobody = 65534
    tool = os.path.join(work, "tool")
    shutil.copy(options.glowworm, tool)
    if subprocess.run([tool, "--help"], user=nobody, capture_output=True).returncode != 0:
        print("SKIPPED: a file without read permission (the tool cannot run as another user here)")
        return
    run(kind, "no permission", [tool, "compile", secret, "-o", bundle, "--measure", "none", "--precision", "float32"], bundle, user=nobody)
    run("places that cannot be written", "a folder of another user", [tool] + compile_command(write("readable.onnx", read(digits)), bundle)[1:], bundle, user=nobody)


def external_data():
    kind = "external data"
    outside = write("outside.bin", b"\0" * 16)
    folder = os.path.join(work, "model")
    os.makedirs(folder, exist_ok=True)
    os.symlink(outside, os.path.join(folder, "link.bin"))
    with open(os.path.join(folder, "w.bin"), "wb") as f:
        f.write(b"\0" * 16)
    places = {
        "above the folder": {"location": "../outside.bin"}, "an absolute path": {"location": outside}, "a link that leads out": {"location": "link.bin"},
        "a detour": {"location": "a/../../outside.bin"}, "missing": {"location": "none.bin"}, "no name": {"location": ""}, "a folder": {"location": "."},
        "a device": {"location": "/dev/zero"}, "offset beyond": {"location": "w.bin", "offset": "99"}, "too short": {"location": "w.bin", "offset": "8"},
        "negative offset": {"location": "w.bin", "offset": "-8"}, "offset overflow": {"location": "w.bin", "offset": str((1 << 63) - 1)},
        "another length": {"location": "w.bin", "length": "999999999999"}, "no number": {"location": "w.bin", "length": "four"},
    }
    for name, place in places.items():
        data = o.simple(o.tensor("w", [1, 4], external=place), o.node("Add", ["x", "w"], ["y"]))
        with open(os.path.join(folder, "m.onnx"), "wb") as f:
            f.write(data)
        run(kind, name, compile_command(os.path.join(folder, "m.onnx"), bundle), bundle)
    with open(os.path.join(folder, "m.onnx"), "wb") as f:
        f.write(o.simple(o.tensor("w", [1, 4], external={"location": "w.bin"}), o.node("Add", ["x", "w"], ["y"])))
    if subprocess.run(compile_command(os.path.join(folder, "m.onnx"), os.path.join(work, "other")), capture_output=True).returncode != 0:
        problems.append("external data inside the folder does not read: these cases prove nothing")


def places():
    kind = "places that cannot be written"
    file = write("file", b"")
    run(kind, "a file in the folder's place", compile_command(digits, file), file)
    run(kind, "a file above the folder", compile_command(digits, os.path.join(file, "bundle")), file)
    os.environ["TMPDIR"] = os.path.join(file, "tmp")
    run(kind, "no temporary folder", [options.glowworm, "compile", digits, "-o", file, "--precision", "float32"], file)
    del os.environ["TMPDIR"]
    run(kind, "no such device", compile_command(digits, "/proc/none/bundle"), "/proc/none")
    blocked = os.path.join(work, "blocked")
    os.makedirs(os.path.join(blocked, "digits.c"))
    run(kind, "a folder in a file's place", compile_command(digits, blocked), blocked)
    # Mounts need a name space of our own: of root, or of a user who may have one.
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        inner = unshare + [sys.executable, os.path.abspath(__file__), options.glowworm, options.models, options.kit, "--inside-mounts", work]
        try:
            can = subprocess.run(unshare + ["sh", "-c", f"mount -t tmpfs none {work}/bundle && true"], capture_output=True).returncode == 0
        except FileNotFoundError:
            can = False
        if can:
            done = subprocess.run(inner, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                key, _, rest = line.partition("\t")
                if key == "count":
                    name, cases, refused, compiled = rest.split("\t")
                    counted = counts.setdefault(name, {"cases": 0, "refused": 0, "compiled": 0})
                    for k, n in zip(("cases", "refused", "compiled"), (cases, refused, compiled)):
                        counted[k] += int(n)
                else:
                    problems.append(rest)
            if done.returncode != 0:
                problems.append(f"the cases on mounts failed: {done.stderr[-500:]}")
            return
    print("SKIPPED: a full disk and a read-only one (no file system can be mounted here)")


def inside_mounts():
    """A small disk: the bundle is compiled over an old one with every amount of room that is too little, beside it and in place; then read-only."""
    disk = os.path.join(options.inside_mounts, "disk")
    os.makedirs(disk, exist_ok=True)
    mount = lambda *more: subprocess.run(["mount", *more], check=True)
    mount("-t", "tmpfs", "-o", "size=2m", "none", disk)
    target = os.path.join(disk, "bundle")
    subprocess.run(compile_command(digits, target), check=True, capture_output=True)
    used = lambda: (lambda s: (s.f_blocks - s.f_bfree) * s.f_bsize)(os.statvfs(disk))
    for where in ("exchanged", "in place"):
        if where == "in place":
            os.makedirs(os.path.join(target, "build"), exist_ok=True)
        room, status = 0, 1
        while status != 0 and room < 4 << 20:
            mount("-o", f"remount,size={used() + room}", disk)
            status = run("a full disk", f"{where}, {room} bytes free", compile_command(digits, target), target, may_compile=room > 0)
            mount("-o", "remount,size=2m", disk)
            if os.listdir(disk) != ["bundle"]:
                problems.append(f"a full disk, {where}, {room} bytes free: left {os.listdir(disk)}")
            room += 4096
        if status != 0:
            problems.append(f"a full disk: never compiled ({where})")
    mount("-o", "remount,ro", disk)
    run("places that cannot be written", "a read-only disk", compile_command(digits, target), target)
    run("places that cannot be written", "a new folder on a read-only disk", compile_command(digits, target + "2"), target + "2")
    for name, c in counts.items():
        print("count", name, c["cases"], c["refused"], c["compiled"], sep="\t")
    for p in problems:
        print("problem\t" + p.replace("\n", " "))


try:
    if options.inside_mounts:
        inside_mounts()
        sys.exit(0)
    if subprocess.run(compile_command(digits, bundle), capture_output=True).returncode != 0:
        sys.exit("the model itself does not compile")
    for part in (files, external_data, places, shapes, cycles, truncations, flips):
        part()
finally:
    shutil.rmtree(work, ignore_errors=True)

print(f"{'bad input':32} {'cases':>7} {'refused':>8} {'compiled':>9}")
for kind, c in counts.items():
    print(f"{kind:32} {c['cases']:7} {c['refused']:8} {c['compiled']:9}")
print(f"{'together':32} {sum(c['cases'] for c in counts.values()):7}; at most {worst['seconds']:.2f} s and {worst['bytes'] / 2**20:.0f} MiB")
for problem in problems[:40]:
    print("FAILED:", problem)
print(f"{len(problems)} failures")
sys.exit(1 if problems else 0)
