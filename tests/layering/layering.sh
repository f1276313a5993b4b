#!/usr/bin/env bash
# Rooms use only what stands below them: every #include "room/…" in src/ must lead to the room itself or to one that src/CMakeLists.txt
# grants it, directly or through another (gw_room(NAME FOLDER USES …)). Prints each offence as file:line and fails.
#
#   layering.sh SRC_FOLDER
#   layering.sh --self-test SRC_FOLDER     plants offences in a copy and demands that each is found
set -euo pipefail

check() {
    local src=$1
    # The grants, one gw_room(…) a line, however it was wrapped.
    local rooms
    rooms=$(sed 's/#.*//' "$src/CMakeLists.txt" | tr '\n' ' ' | grep -oE 'gw_room\([^()]*\)' | grep -v '^gw_room(name folder' | sed -E 's/^gw_room\(//; s/\)$//; s/\$\{[^}]*\}//g')
    # grep's file:line:text, then one awk over grants and includes.
    { grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$src" --include='*.h' --include='*.cpp' --include='*.def' || true; } |
        awk -v src="$src/" -v rooms="$rooms" '
            # Fills reach[room, other] for everything that room may use, itself included.
            function visit(top, room,   i, n, part) {
                if ((top, room) in reach) return
                reach[top, room] = 1
                n = split(uses[room], part, " ")
                for (i = 1; i <= n; ++i) if (part[i] in folder) visit(top, part[i])
            }
            # The room a path under src/ belongs to: the longest folder that holds it.
            function room_of(path,   room, best, length_best) {
                best = ""; length_best = 0
                for (room in folder)
                    if (index(path, folder[room] "/") == 1 && length(folder[room]) > length_best) { best = room; length_best = length(folder[room]) }
                return best
            }
            BEGIN {
                count = split(rooms, line, "\n")
                for (r = 1; r <= count; ++r) {
                    n = split(line[r], word, " ")
                    folder[word[1]] = word[2]
                    order[word[1]] = r
                    granted = 0
                    for (i = 3; i <= n; ++i) {
                        if (word[i] == "USES") granted = 1
                        else if (granted) uses[word[1]] = uses[word[1]] " " word[i]
                    }
                }
                for (room in folder) {
                    n = split(uses[room], part, " ")
                    for (i = 1; i <= n; ++i)
                        if (part[i] in folder && order[part[i]] >= order[room]) {
                            print "CMakeLists.txt: room " room " uses " part[i] ", which does not stand before it"
                            bad = 1
                        }
                    visit(room, room)
                }
            }
            {
                split($0, field, ":")
                file = substr(field[1], length(src) + 1)
                target = $0
                sub(/^[^"]*"/, "", target)
                sub(/".*/, "", target)
                ++includes
                from = room_of(file)
                to = room_of(target)
                if (from == "") {
                    if (file ~ /\//) { print "src/" file ":" field[2] ": this folder is no room of src/CMakeLists.txt"; bad = 1 }
                } else if (target ~ /^\.\.?\//) {
                    print "src/" file ":" field[2] ": include \"" target "\": paths start from src/"
                    bad = 1
                } else if (to != "" && !((from, to) in reach)) {
                    print "src/" file ":" field[2] ": room " from " may not use " to " (include \"" target "\")"
                    bad = 1
                }
            }
            END {
                if (count < 2 || includes < 10) { print "layering: only " count " rooms and " includes " includes found; the test itself is broken"; bad = 1 }
                exit bad
            }'
}

# plant FILE TEXT…: a copy of the sources with this line added must be refused, and the message must name the file.
plant() {
    local file=$1 text=$2 copy output
    copy=$(mktemp -d)
    cp -r "$src/." "$copy"
    printf '%s\n' "$text" >>"$copy/$file"
    if output=$(check "$copy"); then
        echo "self-test: '$text' in $file was not found"
        rm -rf "$copy"
        exit 1
    fi
    rm -rf "$copy"
    if ! grep -qF "${3:-$file}" <<<"$output"; then
        echo "self-test: '$text' in $file was reported as: $output"
        exit 1
    fi
}

if [[ $1 == --self-test ]]; then
    src=$2
    check "$src"
    plant base/text.cpp '#include "tensor/tensor.h"'
    plant tensor/tensor.h '  #  include "graph/graph.h"'
    plant base/text.cpp '#include "../base/text.h"'
    plant CMakeLists.txt 'gw_room(cellar cellar USES attic)
gw_room(attic attic USES base)' 'cellar uses attic'
    mkdir_copy=$(mktemp -d)
    cp -r "$src/." "$mkdir_copy"
    mkdir "$mkdir_copy/stray"
    printf '#include "base/text.h"\n' >"$mkdir_copy/stray/stray.cpp"
    if check "$mkdir_copy" >/dev/null; then
        echo "self-test: a folder that is no room was not found"
        rm -rf "$mkdir_copy"
        exit 1
    fi
    rm -rf "$mkdir_copy"
    echo "self-test: all planted offences were found"
else
    check "$1"
fi
