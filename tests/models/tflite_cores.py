#!/usr/bin/env python3
"""The kit's int8 TFLite models, compiled: the C on the host and on emulated cores gives TFLite Micro's golden bytes.

    tflite_cores.py GLOWWORM KIT [CORE...]      without cores: cortex-m0plus and cortex-m4

$GLOWWORM_KIT wins over KIT. Exit 77: nothing was tested, because the kit or the tools for the cores are missing.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

MODELS = ("kws01_int8", "ic01_int8", "vww01_int8", "ad01_int8", "sww01_int8", "micro_speech_quantized", "hello_world_int8", "mnist_lstm_int8")


def npy(shape, data):
    """The bytes of an .npy file of int8."""
    header = "{'descr': '|i1', 'fortran_order': False, 'shape': (%s), }" % "".join("%d, " % d for d in shape)
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def array_bytes(npz):
    """The elements of the only array of an .npz file."""
    with zipfile.ZipFile(npz) as z:
        (name,) = z.namelist()
        content = z.read(name)
    return content[10 + struct.unpack("<H", content[8:10])[0]:]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(command), done.returncode, done.stdout))
    return done.stdout


def main():
    tool, kit = sys.argv[1], os.environ.get("GLOWWORM_KIT") or sys.argv[2]
    cores = sys.argv[3:] or ["cortex-m0plus", "cortex-m4"]
    if not os.path.isdir(os.path.join(kit, "golden")):
        print("SKIPPED, not tested: the kit is not at", kit, "(set GLOWWORM_KIT)")
        sys.exit(77)
    places = ["host"]
    if shutil.which("arm-none-eabi-gcc") and shutil.which("qemu-system-arm"):
        places += cores
    else:
        print("SKIPPED, not tested: the emulated cores; arm-none-eabi-gcc or qemu-system-arm is missing")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in MODELS:
            golden = [[open(os.path.join(kit, "golden", "%s.%d.%s.bin" % (model, k, end)), "rb").read() for k in (1, 2, 3)] for end in ("in", "out")]
            for core in cores:
                bundle = os.path.join(folder, model + "." + core)
                samples = os.path.join(folder, "samples.npy")
                results = os.path.join(folder, "results.npz")
                run(tool, "compile", os.path.join(kit, "models", model + ".tflite"), "-o", bundle, "--cpu", core, "--measure", "none")
                for place in places:
                    if place not in ("host", core):
                        continue
                    with open(samples, "wb") as f:
                        f.write(npy((3, len(golden[0][0])), b"".join(golden[0])))
                    run(tool, "run", bundle, samples, "--on", place, "-o", results)
                    same = array_bytes(results) == b"".join(golden[1])
                    wrong += 0 if same else 1
                    print("%-24s for %-14s on %-14s %s" % (model, core, place, "golden bytes" if same else "OTHER BYTES"))
                    # Inputs one after the other, the state kept: as one sequence, and twice the same one with a reset between.
                    sequence = os.path.join(kit, "golden", model + ".seq.%s.bin")
                    if not os.path.exists(sequence % "in"):
                        continue
                    one, answer = (open(sequence % end, "rb").read() for end in ("in", "out"))
                    with open(samples, "wb") as f:
                        f.write(npy((6, len(one) // 3), one + one))
                    run(tool, "run", bundle, samples, "--on", place, "--sequence", "3", "-o", results)
                    same = array_bytes(results) == answer + answer
                    wrong += 0 if same else 1
                    print("%-24s for %-14s on %-14s %s" % (model, core, place, "golden sequence" if same else "OTHER SEQUENCE"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
