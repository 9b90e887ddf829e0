#!/bin/sh
# The same set-up as verify.sh, then every test on the optimised build. `./test.sh dev` runs them on the build with
# address and undefined-behaviour sanitizers, `./test.sh sanitize` there those of readers, engines, trainers and writers;
# several presets: `./test.sh "release sanitize"`. The last lines name what was skipped, and why.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
code=0
for preset in ${1:-release}; do
    build "$preset"
    ctest --preset "$preset" -j "$(nproc)" || code=1
    log=$folder/Testing/Temporary/LastTest.log
    skipped=$(grep -h "SKIPPED: " "$log" | sort -u) || true
    if [ -n "$skipped" ]; then
        echo "skipped ($preset):"
        echo "$skipped" | sed 's/^/  /'
    fi
    echo "$preset: $(grep -c '^Test Passed\.$' "$log") passed, $(grep -c '^Test Failed\.$' "$log") failed"
done
exit "$code"
