#!/usr/bin/env python3
"""The bundle in all its forms, as its users meet it: the tool makes it, compilers build it with a main of the user's, and it runs here and in the
emulator. docs/contract.md says which promise each test keeps.

    forms.py GLOWWORM SOURCE_FOLDER [unittest's arguments]

What the machine lacks (cross-compiler, emulator, clang) is skipped and said so.
"""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

GLOWWORM, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
FIRMWARE = os.path.join(SOURCE, "tests", "bundle", "firmware")
DIGITS, PICTURES, LABELS = (os.path.join(SOURCE, "models", n) for n in ("digits.onnx", "digits", "digits.txt"))
ARM = shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm")
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
CORES = {"cortex-m0plus": "mps2-an385", "cortex-m4": "mps2-an386"}
CORE_FLAGS = {"cortex-m0plus": ["-mcpu=cortex-m0plus", "-mthumb"],
              "cortex-m4": ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]}
FORMS = {"plain": [], "glow": ["--api", "glow"], "pointer": ["--weights", "pointer"], "input": ["--input", "arena"], "output": ["--output", "arena"],
         "both": ["--input", "arena", "--output", "arena"], "model": ["--io-layout", "model"], "aligned": ["--io-align", "16"],
         "tested": ["--selftest", "2"], "hot": ["--weights-ram", "700"], "float": ["--io", "float"],
         "all": ["--weights", "pointer", "--input", "arena", "--output", "arena", "--selftest", "1", "--io-layout", "model", "--io-align", "8"],
         "glowtest": ["--api", "glow", "--selftest", "1", "--io-align", "4"]}

# Two inputs, two outputs, NCHW outside: every difference between the model's order and ours shows.
TWO = """graph main {
  input %a "left": f32[1,2,6,6]
  input %b "right": f32[1,2,6,6]
  const %w "w": f32[3,3,3,2] = random(1)
  const %v "v": f32[3,3,3,2] = random(2)
  %at = transpose(%a) perm=[0,2,3,1]
  %bt = transpose(%b) perm=[0,2,3,1]
  %c "c" = conv2d(%at, %w, _)
  %d "d" = conv2d(%bt, %v, _)
  %s "s" = binary(%c, %d) kind=add
  %p "p" = pool2d(%c) kernel=[2,2] stride=[2,2]
  %st "sum" = transpose(%s) perm=[0,3,1,2]
  %pt "peak" = transpose(%p) perm=[0,3,1,2]
  output %st "sum"
  output %pt "peak"
}
"""

# A state that runs ahead of what it is read as: the first layer works in its memory, and a copy at the end moves the other.
KEEPS = """graph main {
  input %x "x": i8[1,3] q(0.5,0)
  state %s "sum": i8[1,3] q(0.5,0) = splat(1)
  state %l "last": i8[1,3] q(0.5,0) = [4,-5,6]
  const %w "w": i8[4,3] q(0.01,0) = [1,20,-3,40,-5,60,7,80,9,-10,11,120]
  const %b "b": i32[4] = [100,-200,300,400]
  %y "y": i8[1,3] q(0.5,0) = binary(%x, %s) kind=add a_multiplier=1 b_multiplier=1 requant=narrow(pre=0,mul=[1],shift=[1],zero=0,lo=-128,hi=127)
  %z "z": i8[1,3] q(0.5,0) = binary(%y, %l) kind=max
  %d "d": i8[1,4] q(0.5,0) = dense(%z, %w, %b) requant=narrow(pre=0,mul=[1],shift=[4],zero=0,lo=-128,hi=127)
  next %s = %y
  next %l = %x
  output %d "d"
}
"""


def call(command, folder=None, status=0):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if status is not None and done.returncode != status:
        raise AssertionError("%s\nexit %d, expected %d\n%s\n%s" % (" ".join(command), done.returncode, status, done.stdout, done.stderr))
    return done


def tool(*arguments, status=0):
    return json.loads(call([GLOWWORM, *arguments, "--json"], status=status).stdout)


def write(path, text, mode="w"):
    with open(path, mode) as f:
        f.write(text)


def read(path, mode="r"):
    with open(path, mode) as f:
        return f.read()


def npy(dims, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % "".join("%d, " % d for d in dims)
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<%df" % len(values), *values)


def arrays(npz):
    """name → bytes of its elements."""
    out = {}
    with zipfile.ZipFile(npz) as z:
        for name in z.namelist():
            content = z.read(name)
            out[name] = content[10 + struct.unpack("<H", content[8:10])[0]:]
    return out


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.two, cls.samples = os.path.join(cls.folder, "two.gw"), os.path.join(cls.folder, "samples.npz")
        write(cls.two, TWO)
        rng = random.Random(7)
        with zipfile.ZipFile(cls.samples, "w") as z:
            for name in ("left", "right"):
                z.writestr(name + ".npy", npy((6, 2, 6, 6), [rng.uniform(-1, 1) for _ in range(6 * 72)]))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def compile(self, model, to, *options, cpu="cortex-m0plus", measure="none", status=0, name=None):
        """A bundle called net (or `name`) of the digits or of the model with two inputs and outputs."""
        range_of = ["--calibrate", PICTURES, "--image-range", "0..1"] if model == DIGITS else ["--calibrate", self.samples]
        shutil.rmtree(self.at(to), ignore_errors=True)
        return tool("compile", model, "-o", self.at(to), "--name", name or "net", "--cpu", cpu, "--measure", measure, *range_of, *options,
                    status=status)

    def sources(self, folder):
        report = json.loads(read(self.at(folder, "report.json")))
        return [self.at(folder, s) for s in report["bundle"]["sources"]]

    def outputs(self, folder, on, samples):
        tool("run", self.at(folder), samples, "--on", on, "-o", self.at("out.npz"))
        return arrays(self.at("out.npz"))


class EveryForm(Bundles):
    """run, evaluate, verify and profile take every form, and every form gives the plain one's numbers."""

    def forms_of(self, model, samples, first):
        self.compile(model, "plain")
        expected = self.outputs("plain", "host", samples)
        plain = json.loads(read(self.at("plain", "report.json")))
        edges = sum(t["bytes"] for t in plain["model"]["tensors"])
        for form, options in FORMS.items():
            with self.subTest(form=form):
                done = self.compile(model, form, *options)
                places = "host,cortex-m0plus" if ARM else "host"
                self.assertEqual(tool("verify", self.at(form), "--on", places)["verified"], places.split(","))
                if form != "float":
                    self.assertEqual(self.outputs(form, "host", samples), expected)
                ram = done["report"]["ram"]
                tensors = done["report"]["model"]["tensors"]
                outside = sum(t["bytes"] for t in tensors if t["place"]["where"] != "arena")
                self.assertEqual(ram["io_outside_arena_bytes"], outside)
                self.assertEqual(ram["total_bytes"], ram["arena_bytes"] + outside + ram["weights_bytes"])
                self.assertEqual(0 < ram["weights_bytes"] <= 700, form == "hot")
                if form not in ("float", "all", "both", "input", "output"):
                    self.assertEqual(outside, edges)
                for t in tensors:
                    self.assertEqual(t["align"] % (16 if form == "aligned" else 1), 0)
                    if form in ("model", "all", "glow", "glowtest"):
                        self.assertEqual((t["layout"], t["shape"]), ("model", t["model_shape"]))
                if first and ARM:
                    cost = tool("profile", self.at(form), "--on", "cortex-m4")
                    self.assertGreater(cost["instructions"], 0)
                    self.assertEqual(len(cost["steps"]), len(done["report"]["steps"]))

    def test_one_input_one_output(self):
        self.forms_of(DIGITS, PICTURES, True)
        for form in ("glow", "all"):
            done = tool("evaluate", self.at(form), PICTURES, "--labels", LABELS, "--on", "cortex-m0plus" if ARM else "host")
            self.assertGreaterEqual(done["accuracy"], 0.95)

    def test_several_inputs_and_outputs(self):
        self.forms_of(self.two, self.samples, False)

    @unittest.skipUnless(ARM, "no cross-compiler or emulator")
    def test_measured_flash_counts_the_weights_wherever_they_are(self):
        plain = self.compile(DIGITS, "m", measure="auto")["report"]["flash"]
        for form in ("glow", "pointer", "tested", "hot"):
            flash = self.compile(DIGITS, "m", *FORMS[form], measure="auto")["report"]["flash"]
            self.assertLess(abs(flash["weights_bytes"] - plain["weights_bytes"]), 16, form)
            self.assertEqual(flash["tables_bytes"], plain["tables_bytes"], form)
            self.assertEqual(flash["total_bytes"], flash["weights_bytes"] + flash["tables_bytes"] + flash["code_bytes"], form)
            self.assertLess(abs(flash["total_bytes"] - plain["total_bytes"]), 500, form)


class Wrong(Bundles):
    def error(self, *options, status=1, **more):
        done = self.compile(DIGITS, "x", *options, status=status, **more)
        self.assertFalse(os.path.exists(self.at("x")))
        return " ".join(e["message"] for e in done["errors"]), [e["id"] for e in done["errors"]]

    def test_options_that_contradict(self):
        for options in (["--api", "glow", "--input", "arena"], ["--api", "glow", "--output", "arena"], ["--io-align", "3"], ["--io-align", "0"],
                        ["--selftest", "-1"]):
            self.assertEqual(self.error(*options)[1], ["bad-option"], options)
        self.assertEqual(self.error("--emit", "object", cpu="generic")[1], ["bad-option"])

    def test_floats_have_no_checksums(self):
        done = call([GLOWWORM, "compile", DIGITS, "-o", self.at("x"), "--precision", "float32", "--measure", "none", "--selftest", "1", "--json"],
                    status=1)
        errors = json.loads(done.stdout)["errors"]
        self.assertTrue(errors and all(e["id"] == "bad-option" and "floats" in e["message"] for e in errors), errors)

    def test_object_without_a_compiler_leaves_nothing(self):
        text, ids = self.error("--emit", "object", "--cc", self.at("no-such-gcc"))
        self.assertEqual(ids, ["tool-missing"])
        self.assertIn("no-such-gcc", text)

    @unittest.skipUnless(ARM, "no cross-compiler or emulator")
    def test_object_whose_compiler_fails_leaves_the_old_bundle(self):
        text, ids = self.error("--emit", "object", "--cflags", "-fno-such-option")
        self.assertEqual(ids, ["compiler-failed"])
        self.assertIn("-fno-such-option", text)
        self.compile(DIGITS, "old")
        before = {n: read(self.at("old", n), "rb") for n in os.listdir(self.at("old"))}
        call([GLOWWORM, "compile", DIGITS, "-o", self.at("old"), "--cpu", "cortex-m0plus", "--measure", "none", "--calibrate", PICTURES,
              "--image-range", "0..1", "--emit", "object", "--cflags", "-fno-such-option"], status=1)
        self.assertEqual(before, {n: read(self.at("old", n), "rb") for n in os.listdir(self.at("old"))})


class Firmware(Bundles):
    """Programs of the user's own, built with the compiler and nothing of ours but the bundle."""

    def image(self, core, objects, flags=(), name="image.elf"):
        call(["arm-none-eabi-gcc", *CORE_FLAGS[core], "-std=c99", "-O2", "-ffreestanding", "-nostartfiles", "-Wl,--gc-sections",
              "-T", os.path.join(FIRMWARE, "image.ld"), *flags, os.path.join(FIRMWARE, "startup.c"), *objects, "-o", self.at(name)])
        return self.at(name)

    def emulate(self, core, image, status=0):
        done = call(["qemu-system-arm", "-M", CORES[core], "-display", "none", "-monitor", "none", "-serial", "none", "-semihosting-config",
                     "enable=on,target=native", "-kernel", image], status=status)
        return done.stdout + done.stderr

    def glow_model(self):
        """The digits with AN13438's names: mnist_nxp, max_pooling_1_input, dense_2."""
        source = call([GLOWWORM, "opt", DIGITS]).stdout
        first, last = (next(l for l in source.splitlines() if l.strip().startswith(w)) for w in ("input", "output"))
        old_in, old_out = first.split('"')[1], last.split('"')[1]
        text = source.replace('"%s"' % old_in, '"max_pooling_1_input"').replace('"%s"' % old_out, '"dense_2"')
        write(self.at("mnist_nxp.gw"), text)
        return self.at("mnist_nxp.gw")

    @unittest.skipUnless(ARM, "no cross-compiler or emulator")
    def test_firmware_of_a_glow_bundle_links_unchanged(self):
        models = [(self.glow_model(), PICTURES)]
        # The note's own model, as Keras named its tensors, where the kit is there.
        kit = os.environ.get("GLOWWORM_KIT", os.path.join(SOURCE, "..", "shared", "kit"))
        if os.path.exists(os.path.join(kit, "models", "mnist_nxp_keras.onnx")):
            models.append((os.path.join(kit, "models", "mnist_nxp_keras.onnx"), os.path.join(kit, "data", "mnist_calib")))
        picture = os.path.join(PICTURES, sorted(os.listdir(PICTURES))[17])
        for core, (model, samples) in ((c, m) for c in CORES for m in models):
            options = ["--name", "mnist_nxp", "--calibrate", samples, "--image-range", "0..1", "--measure", "none"]
            shutil.rmtree(self.at("g"), ignore_errors=True)
            tool("compile", model, "-o", self.at("g"), "--cpu", core, "--api", "glow", "--emit", "object", *options)
            tool("compile", model, "-o", self.at("p"), "--cpu", core, *options)
            self.assertFalse(os.path.exists(self.at("g", "mnist_nxp_weights.c")))
            write(self.at("list.txt"), picture + "\n")
            (logits,) = self.outputs("p", core, self.at("list.txt")).values()
            expected = list(struct.unpack("10b", logits))
            # The picture's pixels as AN13438's glow_process_image.py writes them for a quantized model: 0..255 become -128..127.
            write(self.at("image.inc"), self.pixels(picture))
            for flags in ([], ["-DWEIGHTS_IN_RAM"]):
                image = self.image(core, [os.path.join(FIRMWARE, "glow_main.c"), self.at("g", "mnist_nxp.o")],
                                   ["-I" + self.at("g"), "-I" + self.folder, *STRICT, *flags])
                words = self.emulate(core, image).split()
                self.assertEqual([int(w) for w in words[:10]], expected)
                self.assertEqual(words[10:], ["best", str(expected.index(max(expected)))])

    def pixels(self, picture):
        """8-bit grey PNG → the C array text of its pixels less 128. A reader of PNG's own, so that our picture code is not asked."""
        import zlib
        data, at, rows = read(picture, "rb"), 8, b""
        while at < len(data):
            (length,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
            if kind == b"IHDR":
                width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
                self.assertEqual((depth, colour), (8, 0))
            if kind == b"IDAT":
                rows += data[at + 8:at + 8 + length]
            at += 12 + length
        raw, out, above = zlib.decompress(rows), [], [0] * width
        for y in range(height):
            kind, line = raw[y * (width + 1)], list(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
            for x in range(width):
                left, up, corner = line[x - 1] if x else 0, above[x], above[x - 1] if x else 0
                near = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
                line[x] = (line[x] + (0, left, up, (left + up) // 2, near)[kind]) & 255
            above = line
            out += line
        return ", ".join(str(v - 128) for v in out)

    def object_runs(self, folder, core):
        """NAME.o alone has everything: a main that asks for all of it links and its self-test is content."""
        image = self.image(core, [os.path.join(FIRMWARE, "selftest_main.c"), self.at(folder, "net.o")], ["-I" + self.at(folder), *STRICT])
        self.emulate(core, image)

    @unittest.skipUnless(ARM, "no cross-compiler or emulator")
    def test_object_of_gcc_and_of_the_users_compiler_and_flags(self):
        self.compile(DIGITS, "o", "--emit", "object", "--selftest", "1", cpu="cortex-m4")
        self.object_runs("o", "cortex-m4")
        gcc = shutil.which("arm-none-eabi-gcc")
        self.compile(DIGITS, "o2", "--emit", "object", "--selftest", "1", "--cc", gcc, "--cflags", "-O0 -g", cpu="cortex-m4")
        self.object_runs("o2", "cortex-m4")
        self.assertGreater(os.path.getsize(self.at("o2", "net.o")), os.path.getsize(self.at("o", "net.o")))

    @unittest.skipUnless(ARM and shutil.which("clang"), "no cross-compiler, clang or emulator")
    def test_object_of_clang(self):
        self.compile(DIGITS, "o", "--emit", "object", "--selftest", "1", "--toolchain", "clang", cpu="cortex-m0plus")
        self.object_runs("o", "cortex-m0plus")

    def test_object_for_this_machine(self):
        self.compile(DIGITS, "o", "--emit", "object", "--selftest", "3", cpu="host")
        call(["gcc", "-std=c99", *STRICT, "-I" + self.at("o"), os.path.join(FIRMWARE, "selftest_main.c"), self.at("o", "net.o"), "-o",
              self.at("program")])
        call([self.at("program")])

    # --- self-test ---
    def weights_of_steps(self, folder):
        """(step, name of the first array of weights it reads), in order."""
        text = read(self.at(folder, "net.c"))
        found = []
        for part in text.split("static NET_NOINLINE int net_step_")[1:]:
            words = [w.strip("(),;") for w in part.split("}")[0].replace(",", " ").split()]
            names = [w for w in words if w.startswith("net_w_")]
            if names:
                found.append((int(part.split("(")[0]), names[0]))
        return found

    def corrupt(self, folder, name):
        """The first element of an array in NAME_weights.c gets another sign and size."""
        path = self.at(folder, "net_weights.c")
        text = read(path)
        at = text.index("{", text.index(" %s[" % name)) + 1
        end = text.index(",", at)
        value = int(text[at:end].replace("u", ""), 0)
        write(path, text[:at] + (" 127" if value < 64 else " 3") + text[end:])
        return text

    def test_selftest_names_the_layer_of_a_corrupted_weight(self):
        for model in (DIGITS, self.two):
            self.compile(model, "s", "--selftest", "4")
            main = ["gcc", "-std=c99", "-O1", *STRICT, "-I" + self.at("s"), os.path.join(FIRMWARE, "selftest_main.c"), *self.sources("s"), "-o",
                    self.at("program")]
            call(main)
            call([self.at("program")])
            steps = self.weights_of_steps("s")
            self.assertGreaterEqual(len(steps), 2)
            for step, name in steps:
                good = self.corrupt("s", name)
                call(main)
                call([self.at("program")], status=1 + step)
                if ARM:
                    image = self.image("cortex-m0plus", [os.path.join(FIRMWARE, "selftest_main.c"), *self.sources("s")], ["-I" + self.at("s")])
                    self.emulate("cortex-m0plus", image, status=1 + step)
                write(self.at("s", "net_weights.c"), good)

    def test_selftest_of_a_model_with_state_begins_with_a_reset(self):
        write(self.at("keeps.gw"), KEEPS)
        self.compile(self.at("keeps.gw"), "k", "--selftest", "3")
        main = ["gcc", "-std=c99", "-O1", *STRICT, "-I" + self.at("k"), os.path.join(FIRMWARE, "selftest_main.c"), *self.sources("k"), "-o",
                self.at("program")]
        call(main)
        call([self.at("program")])
        path = self.at("k", "net_selftest.c")
        text = read(path)
        self.assertEqual(text.count("(void)net_reset(state);"), 2)
        write(path, text.replace("(void)net_reset(state);", ""))
        call(main)
        self.assertNotEqual(call([self.at("program")], status=None).returncode, 0)

    def test_weights_by_pointer_are_checked(self):
        report = self.compile(DIGITS, "w", "--weights", "pointer", "--selftest", "2")["report"]
        import zlib
        self.assertEqual(report["bundle"]["weights"]["crc32"], "%08x" % zlib.crc32(read(self.at("w", "net.weights.bin"), "rb")))
        self.assertFalse(os.path.exists(self.at("w", "net_weights.c")))
        # The first weight of every layer that has some: the self-test names the layer.
        steps = read(self.at("w", "net.c")).split("static NET_NOINLINE int net_step_")[1:]
        firsts = [(int(place.group(1)), 1 + k) for k, place in enumerate(re.search(r"\(c->weights \+ (\d+)\)", s) for s in steps) if place]
        self.assertEqual(len(firsts), 5)
        for byte, status in [(-1, 0)] + firsts:
            # The main checks that net_check_weights refuses the corrupted ones (98 if not).
            call(["gcc", "-std=c99", *STRICT, "-DWEIGHTS", "-DCORRUPT=%d" % byte, "-I" + self.at("w"), os.path.join(FIRMWARE, "selftest_main.c"),
                  *self.sources("w"), "-o", self.at("program")])
            call([self.at("program")], status=status)
        call(["gcc", "-std=c99", *STRICT, "-DNET_CHECK_WEIGHTS(w)=1", "-c", "-I" + self.at("w"), self.at("w", "net.c"), "-o", self.at("w.o")])

    def test_pointers_are_checked_before_anything_is_written(self):
        self.compile(DIGITS, "p", "--weights", "pointer", "--io-align", "8")
        call(["gcc", "-std=c99", "-O1", "-I" + self.at("p"), os.path.join(FIRMWARE, "pointers.c"), *self.sources("p"), "-o", self.at("program")])
        call([self.at("program")])

    # --- hooks, C++, threads ---
    def test_hooks_and_the_weights_section(self):
        report = self.compile(DIGITS, "h")["report"]
        call(["gcc", "-std=c99", *STRICT, "-DNET_HOOK(layer)=hook(layer)",
              "-DNET_WEIGHTS_ATTR=__attribute__((section(\"net_weights\")))", "-DLEAST_WEIGHTS=%d" % report["flash"]["weights_bytes"],
              "-include", self.hook_header(), "-I" + self.at("h"), os.path.join(FIRMWARE, "hooks.c"), *self.sources("h"), "-o",
              self.at("program")])
        call([self.at("program")])

    def test_the_constants_that_are_loaded_most_lie_in_ram(self):
        def places():
            """The constants of bundle r as its object has them: in RAM, in flash."""
            call(["gcc", "-std=c99", "-I" + self.at("r"), "-c", self.at("r", "net_weights.c"), "-o", self.at("weights.o")])
            symbols = [line.split() for line in call(["nm", self.at("weights.o")]).stdout.splitlines()]
            return ({n[4:] for _, t, n in symbols if t in "Dd"}, {n[4:] for _, t, n in symbols if t in "Rr"})

        def weights(*options, **more):
            ram = self.compile(DIGITS, "r", *options, **more)["report"]["ram"]
            self.assertEqual(places()[0], set(ram["weights"]["constants"]))
            return ram

        estimated = weights("--weights-ram", "700")
        self.assertEqual(estimated["weights"]["source"], "estimate")
        every = weights("--weights-ram", "1000000")
        self.assertEqual(every["weights"]["loads"], every["weights"]["loads_of_all"])
        self.assertEqual(places()[1], set())
        self.compile(DIGITS, "r")
        self.assertEqual(places()[0], set())
        error = self.compile(DIGITS, "x", "--weights-ram", "700", "--weights", "pointer", status=1)["errors"][0]["message"]
        self.assertIn("--weights pointer", error)
        if not ARM:
            self.skipTest("no cross-compiler or no emulator")
        measured = weights("--weights-ram", "700", "--tune", "quick", measure="auto")
        self.assertEqual(measured["weights"]["source"], "emulator")
        self.assertGreaterEqual(measured["weights"]["loads_of_all"], measured["weights"]["loads"])
        first = {name: read(self.at("r", name)) for name in ("net.c", "net_weights.c", "net_private.h", "net.choices")}
        shutil.copy(self.at("r", "net.choices"), self.at("measured.choices"))
        again = weights("--weights-ram", "700", "--choices", self.at("measured.choices"))
        self.assertEqual(again["weights"], measured["weights"])
        self.assertEqual({name: read(self.at("r", name)) for name in first}, first)

    def hook_header(self):
        write(self.at("hook.h"), "void hook(int layer);\n")
        return self.at("hook.h")

    def test_two_models_in_one_cpp_program_share_an_arena(self):
        self.compile(DIGITS, "one", name="one")
        self.compile(self.two, "two", name="two")
        objects = []
        for source in self.sources("one") + self.sources("two"):
            objects.append(source[:-2] + ".o")
            call(["gcc", "-std=c99", "-O2", *STRICT, "-c", source, "-o", objects[-1]])
        rng = random.Random(3)
        data = bytes(rng.randrange(256) for _ in range(784 + 72 + 72))
        write(self.at("inputs.bin"), data, "wb")
        call(["g++", "-std=c++17", "-O2", *STRICT, "-I" + self.at("one"), "-I" + self.at("two"), os.path.join(FIRMWARE, "both.cpp"), *objects,
              "-o", self.at("program")])
        lines = call([self.at("program")], folder=self.folder).stdout.split()
        # Each alone, by the interpreter; the samples are the very integers.
        self.assertEqual(lines[0], self.interpreted("one", {"input": data[:784]}, 1)[0])
        self.assertEqual(lines[1:], self.interpreted("two", {"left": data[784:856], "right": data[856:]}, 2))

    def interpreted(self, folder, inputs, outputs):
        """Output bytes as C has them, in hexadecimal: a raw folder of stored inputs through `glowworm run --on interpreter`, back in NHWC."""
        report = json.loads(read(self.at(folder, "report.json")))
        tensors = report["model"]["tensors"]
        with zipfile.ZipFile(self.at("raw.npz"), "w") as z:
            for t, raw in zip([t for t in tensors if t["role"] == "input"], inputs.values()):
                z.writestr(t["name"] + ".npy", self.npy_int8(t["model_shape"], self.reorder(raw, t, False)))
        tool("run", self.at(folder), self.at("raw.npz"), "--on", "interpreter", "-o", self.at("out.npz"))
        got = arrays(self.at("out.npz"))
        return [self.reorder(got[t["name"] + ".npy"], t, True).hex() for t in tensors if t["role"] == "output"]

    @staticmethod
    def npy_int8(dims, data):
        header = "{'descr': '|i1', 'fortran_order': False, 'shape': (%s), }" % "".join("%d, " % d for d in dims)
        header += " " * (63 - (len(header) + 10) % 64) + "\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data

    @staticmethod
    def reorder(data, tensor, to_c):
        """Between C's NHWC and the model's NCHW."""
        if "from_model_dims" not in tensor:
            return data
        n, h, w, c = tensor["shape"]
        out = bytearray(len(data))
        for y in range(h):
            for x in range(w):
                for k in range(c):
                    nhwc, nchw = (y * w + x) * c + k, (k * h + y) * w + x
                    if to_c:
                        out[nhwc] = data[nchw]
                    else:
                        out[nchw] = data[nhwc]
        return bytes(out)

    def test_two_threads(self):
        self.compile(DIGITS, "t")
        common = ["-std=c99", "-g", "-O1", "-fsanitize=thread", "-pthread", "-I" + self.at("t"), os.path.join(FIRMWARE, "threads.c"),
                  *self.sources("t"), "-o", self.at("program")]
        built = call(["gcc", *common], status=None)
        if built.returncode != 0 and "tsan" in built.stderr:
            self.skipTest("no ThreadSanitizer")
        self.assertEqual(built.returncode, 0, built.stderr)
        runner = ["setarch", "-R"] if shutil.which("setarch") else []
        call([*runner, self.at("program")])
        call(["gcc", "-DSHARED", *common])
        done = call([*runner, self.at("program")], status=None)
        self.assertIn("data race", done.stderr)
        self.assertNotEqual(done.returncode, 0)


class Compilers(Bundles):
    """Clean and the same bytes whatever the standard, the level and the usual flags."""

    def test_standards_levels_and_flags(self):
        for model, form in ((DIGITS, "tested"), (self.two, "all")):
            self.compile(model, "c", *FORMS[form])
            compilers = [c for c in ("gcc", "clang") if shutil.which(c)]
            more = ["-DWEIGHTS"] if form == "all" else []
            variants = [["-std=" + s, "-O2"] for s in ("c99", "c11", "c17")] + [["-std=c99", l] for l in ("-O0", "-O1", "-O3", "-Os")]
            variants += [["-std=c99", "-O2", f] for f in ("-funsigned-char", "-fshort-enums", "-ffast-math", "-fno-strict-aliasing", "-flto")]
            for compiler in compilers:
                for flags in variants:
                    if compiler == "clang" and "-flto" in flags:
                        continue  # needs a linker plugin that is seldom there
                    with self.subTest(compiler=compiler, flags=flags, form=form):
                        call([compiler, *flags, *STRICT, *more, "-I" + self.at("c"), os.path.join(FIRMWARE, "selftest_main.c"),
                              *self.sources("c"), "-o", self.at("program")])
                        call([self.at("program")])


class Names(Bundles):
    def names(self, file, text=None, *options):
        if text is None:
            shutil.copy(DIGITS, self.at(file))
        else:
            write(self.at(file), text)
        shutil.rmtree(self.at("n"), ignore_errors=True)
        done = tool("compile", self.at(file), "-o", self.at("n"), "--precision", "float32", "--measure", "none", *options)
        call(["gcc", "-std=c99", *STRICT, "-c", *self.sources("n")], folder=self.at("n"))
        write(self.at("user.cpp"), '#include <ctime>\n#include "%s.h"\nint main() { return 0; }\n' % done["name"])
        call(["g++", "-std=c++17", *STRICT, "-fsyntax-only", "-I" + self.at("n"), self.at("user.cpp")])
        return done, " ".join(n["message"] for n in done["notes"])

    def test_files(self):
        for file, name in (("time.onnx", "time_net"), ("int.onnx", "int_net"), ("1st.onnx", "n1st"), ("my-model.v2.onnx", "my_model_v2")):
            done, notes = self.names(file)
            self.assertEqual(done["name"], name)
            self.assertIn(name, notes)
        done, notes = self.names("plain_name.onnx")
        self.assertEqual(done["name"], "plain_name")
        self.assertNotIn("plain_name", notes)

    def test_tensors(self):
        text = """graph main {
  input %%a "%s": f32[1,4]
  input %%b "%s": f32[1,4]
  %%x = binary(%%a, %%b) kind=add
  %%y = binary(%%a, %%b) kind=mul
  output %%x "%s"
  output %%y "%s"
}
"""
        done, notes = self.names("a.gw", text % ("/x:0", "int", "x.0", "x_0"))
        self.assertEqual([t["c_name"] for t in done["report"]["model"]["tensors"]], ["x_0", "int_net", "x_0_2", "x_0_3"])
        for word in ("/x:0", '"int"', "int_net", "x_0_2", "x_0_3"):
            self.assertIn(word, notes)
        # Names of the bundle's own, and macros that would say something else.
        done, notes = self.names("b.gw", text % ("run", "arena", "X", "x"))
        names = [t["c_name"] for t in done["report"]["model"]["tensors"]]
        self.assertEqual(len(set(names)), 4)
        self.assertIn("B_X_2_", notes)
        header = read(self.at("n", "b.h"))
        self.assertIn("#define B_X_2_TYPE B_OUTPUT1_TYPE", header)
        self.assertIn("#define B_ARENA_2_TYPE B_INPUT1_TYPE", header)
        # One input that is called output: B_OUTPUT_… means the output all the same.
        self.names("c.gw", 'graph main {\n  input %a "output": f32[1,4]\n  %x = unary(%a) kind=abs\n  output %x "input"\n}\n')
        header = read(self.at("n", "c.h"))
        self.assertIn("#define C_OUTPUT_TYPE C_OUTPUT0_TYPE", header)
        self.assertIn("#define C_OUTPUT_2_TYPE C_INPUT0_TYPE", header)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
