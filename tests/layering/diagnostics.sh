#!/usr/bin/env bash
# Every diagnostic of src/base/diagnostics.def is named by a test: in its printed form, [onnx-unsupported-op], by a text test, or as
# DiagId::onnx_unsupported_op by a C++ test. Lists those that none names, and fails.
#
#   diagnostics.sh PROJECT_FOLDER
#   diagnostics.sh --self-test PROJECT_FOLDER     adds an identifier that no test knows and demands that it is listed
set -euo pipefail

# check DEF TESTS
check() {
    local id named ids missing=0
    ids=$(sed -nE 's/^[[:space:]]*DIAG\(([a-z0-9_]+),.*/\1/p' "$1")
    if [[ -z $ids ]]; then
        echo "no diagnostic found in $1"
        return 1
    fi
    named=$(grep -rhoE 'DiagId::[a-z0-9_]+|\[[a-z0-9]+(-[a-z0-9]+)*\]' "$2" --exclude-dir=layering | sort -u || true)
    for id in $ids; do
        if ! grep -qxF -e "DiagId::$id" -e "[${id//_/-}]" <<<"$named"; then
            echo "no test names the diagnostic $id"
            missing=1
        fi
    done
    return $missing
}

if [[ $1 == --self-test ]]; then
    copy=$(mktemp)
    cp "$2/src/base/diagnostics.def" "$copy"
    printf 'DIAG(never_reported_by_any_test, "Planted.")\n' >>"$copy"
    output=$(check "$copy" "$2/tests") && found=no || found=yes
    rm -f "$copy"
    if [[ $found == no ]] || ! grep -q 'never_reported_by_any_test' <<<"$output"; then
        echo "self-test: the planted diagnostic was not listed"
        exit 1
    fi
    echo "self-test: the planted diagnostic was listed"
else
    check "$1/src/base/diagnostics.def" "$1/tests"
fi
