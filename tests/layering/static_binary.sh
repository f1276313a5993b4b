#!/usr/bin/env bash
# The executable that needs the C library alone: builds the preset `static` (build/static), looks at what it loads, and lets it compile and run a
# model.
#   static_binary.sh PROJECT_FOLDER
set -euo pipefail
cd "$1"
cmake --preset static >/dev/null
cmake --build build/static --target glowworm
tool=$PWD/build/static/glowworm
needed=$(readelf -d "$tool" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc\.so\.6|libm\.so\.6|ld-linux.*)$' || true)
[[ -z $needed ]] || {
    echo "FAULT: it loads more than the C library: $needed"
    exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$tool" compile models/digits.onnx -o "$folder/digits" --calibrate models/digits.txt --image-range 0..1 --measure none
"$tool" evaluate "$folder/digits" models/digits.txt --labels models/digits.txt --image-range 0..1 --on host --min-accuracy 0.95
