#!/usr/bin/env bash
# The fast tests once more under the address and undefined-behaviour sanitizers: builds the preset `asan` (build/asan) and runs them there.
#   sanitized.sh PROJECT_FOLDER
set -euo pipefail
cd "$1"
cmake --preset asan >/dev/null
cmake --build build/asan
ctest --test-dir build/asan -L '^fast$' -j "$(nproc)" --output-on-failure --no-tests=error
