#!/usr/bin/env bash
# tools/setup with a package manager of our own: what is asked for, what is installed, and when it gives up. No package of this computer is touched.
#   setup_test.sh PROJECT_FOLDER
set -euo pipefail
setup=$1/tools/setup
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The computer: `absent` lists the packages that are missing, `unknown` those that its release does not have; `asked` logs apt-get.
mkdir bin
cat >bin/dpkg-query <<'END'
#!/usr/bin/env bash
if grep -qx -- "${@: -1}" absent; then exit 1; fi
printf 'install ok installed'
END
cat >bin/apt-get <<'END'
#!/usr/bin/env bash
echo "$*" >>asked
[[ ! -e offline ]] || exit 100
for word in "$@"; do
    if grep -qx -- "$word" unknown; then exit 100; fi
done
for word in "$@"; do sed -i "/^$word\$/d" absent; done
END
# Root here, so that no password is ever asked for; `id` says otherwise where a case needs it.
cat >bin/id <<'END'
#!/usr/bin/env bash
if [[ -e nobody ]]; then echo 1000; else echo 0; fi
END
printf '#!/usr/bin/env bash\necho sudo >>asked\n[[ $1 == -v ]] || exec "$@"\n' >bin/sudo
chmod +x bin/*
export PATH="$work/bin:$PATH"

# try STATUS INSTALL ASSUME_YES GROUP…: runs setup_packages; output in `said`.
try() {
    local expected=$1 status=0
    shift
    : >asked
    bash -c '. "$0"; setup_packages "$@"; say "missing: $setup_missing."' "$setup" "$@" >said 2>&1 </dev/null || status=$?
    if [[ $status -ne $expected ]]; then problem "status $status instead of $expected"; fi
}
problem() {
    echo "case '$case_': $*"
    cat said
    exit 1
}
says() { grep -qF -- "$1" said || problem "does not say: $1"; }
asks() { grep -qE -- "$1" asked || problem "does not ask for: $1 ($(cat asked))"; }
asks_nothing() { [[ ! -s asked ]] || problem "asks for: $(cat asked)"; }
computer() {
    rm -f offline nobody
    : >unknown
    printf '%s\n' "$@" >absent
}

case_='nothing is missing'
computer
try 0 yes no build emulate test
asks_nothing

case_='root installs at once'
computer jq libfmt-dev qemu-system-arm
try 0 yes no build emulate
says 'missing packages:'
asks 'install -y .*libfmt-dev jq qemu-system-arm'
says 'missing: .'

case_='--no-install lists with versions'
computer jq
try 1 no no build emulate
asks_nothing
grep -qE '^ +jq +1\.6 ' said || problem 'no version of jq'

case_='no network'
computer jq
touch offline
try 1 yes no build emulate
says 'could not be installed'

case_='only the emulator is missing, and nobody may install it'
computer qemu-system-arm
try 0 no no build emulate
says 'going on without: qemu-system-arm'

case_='a release without one of the packages gets the others'
computer jq clang-19
echo clang-19 >unknown
try 1 yes no build test
[[ $(cat absent) == clang-19 ]] || problem "left: $(cat absent)"

case_='extras never hold up'
computer clang-format-14 librapidcheck-dev
echo clang-format-14 >unknown
try 0 yes no build test extra
[[ $(grep -c . absent) -eq 1 ]] || problem "left: $(cat absent)"

case_='sudo without a terminal installs nothing'
computer jq
touch nobody
try 1 yes no build
asks_nothing
says '--yes'

case_='sudo with --yes'
computer jq
touch nobody
try 0 yes yes build
asks '^sudo$'
asks 'install -y .*jq'

echo "all cases as expected"
