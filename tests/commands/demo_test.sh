#!/usr/bin/env bash
# ./demo as a newcomer runs it: it ends well, and its table shows what the contract promises, in figures that can be right.
#   demo_test.sh PROJECT_FOLDER
set -euo pipefail
cd "$1"
table=$(mktemp)
trap 'rm -f "$table"' EXIT
./demo --no-install >"$table" </dev/null
cat "$table"

# wants TEXT MINIMUM MAXIMUM: the row with this text has a number in this range.
wants() {
    local value
    value=$(grep -E -- "$1  +" "$table" | head -n 1 | sed -E "s/.*$1  +//; s/,//g; s/ .*//")
    if ! awk -v v="$value" -v low="$2" -v high="$3" 'BEGIN { exit !(v ~ /^[0-9.]+$/ && v >= low && v <= high) }'; then
        echo "demo: '$1' is '$value', expected $2 to $3"
        exit 1
    fi
}
wants 'float model' 95 100
wants 'int8, interpreted' 95 100
wants 'C on (the core|this computer)' 95 100
if command -v arm-none-eabi-gcc >/dev/null && command -v qemu-system-arm >/dev/null; then
    wants 'weights' 1662 4000
    wants 'code' 500 20000
    wants 'arena' 50 4000
    wants 'stack, on top' 16 2000
    wants 'cycles of one inference' 10000 2000000
    wants 'at 48 MHz' 0.2 42
fi
test -s "$(sed -n 's/^ *report *//p' "$table")"
