#!/usr/bin/env python3
"""Runs the code that documents show, in the order in which it stands there, in a folder that has the example model and nothing else.

code_in_docs.py GLOWWORM MODELS PAGE.md…

    ```sh tested            runs under bash -e; `glowworm` is the tool
    ```c tested main.c      becomes that file, for the commands that follow (any language)
    ```text tested          must be, line by line and in order, in what the last commands printed or in the file named: text tested file=…
    `tested if=--api` skips a block while `glowworm compile --help` does not know that word.

A page without a tested block is an error. Blocks that need a program that is not here (needs=arm-none-eabi-gcc) are skipped, and that is said.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

glowworm, models, pages = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
known = subprocess.run([glowworm, "compile", "--help"], capture_output=True, text=True).stdout
failures = 0


def blocks(path):
    """(line, language, words, text) of every fenced block that is to be tested."""
    language = words = None
    start, lines = 0, []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            fence = re.match(r"```(.*)", line)
            if fence and language is None:
                language, *words = fence.group(1).split() or [""]
                start, lines = number, []
            elif fence:
                if words[:1] == ["tested"]:
                    yield start, language, words[1:], "".join(lines)
                language = None
            else:
                lines.append(line)


def check_page(path):
    global failures
    work = tempfile.mkdtemp(prefix="glowworm-docs-")
    tools = os.path.join(work, ".bin")
    os.mkdir(tools)
    os.symlink(glowworm, os.path.join(tools, "glowworm"))
    for name in ("digits.onnx", "digits.txt"):
        shutil.copy(os.path.join(models, name), work)
    shutil.copytree(os.path.join(models, "digits"), os.path.join(work, "digits"))
    environment = dict(os.environ, PATH=tools + os.pathsep + os.environ["PATH"])
    printed, tested = "", 0

    def wrong(line, why):
        global failures
        failures += 1
        print(f"FAILED: {path}:{line}: {why}")

    for line, language, words, text in blocks(path):
        options = dict(w.split("=", 1) for w in words if "=" in w)
        names = [w for w in words if "=" not in w]
        if options.get("if", "") not in known or (options.get("needs") and not shutil.which(options["needs"])):
            print(f"SKIPPED: {path}:{line}: needs {options.get('if') or options.get('needs')}")
            continue
        tested += 1
        if language == "sh":
            done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], cwd=work, env=environment, capture_output=True, text=True)
            printed = done.stdout + done.stderr
            if done.returncode != 0:
                wrong(line, f"status {done.returncode}: {printed[-800:]}")
                break
        elif language == "text":
            shown = printed
            if "file" in options:
                with open(os.path.join(work, options["file"]), encoding="utf-8") as f:
                    shown = f.read()
            rest = shown.splitlines()
            for wanted in text.splitlines():
                if wanted.strip() in ("", "…"):
                    continue
                while rest and rest[0].rstrip() != wanted.rstrip():
                    rest.pop(0)
                if not rest:
                    wrong(line, f"no longer there: {wanted}")
                    break
        elif len(names) == 1:
            with open(os.path.join(work, names[0]), "w", encoding="utf-8") as f:
                f.write(text)
        else:
            wrong(line, "a tested block needs a file name")
    if tested == 0:
        wrong(0, "no tested block")
    shutil.rmtree(work)
    return tested


for page in pages:
    print(f"{check_page(page)} blocks of {page}")
print(f"{failures} failures")
sys.exit(1 if failures else 0)
