#!/bin/sh
# Fuzzes the readers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (developers only).
#   tests/fuzz/fuzz.sh [RUNS] [TARGET ...]     targets: json jsonl tokenizer sentencepiece
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-1000000}
[ $# -gt 0 ] && shift
work=${FUZZ_DIR:-build-fuzz}
mkdir -p "$work"
compile() { ${CXX_LAUNCHER:-} clang++-14 -std=c++20 -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -I. "$@"; }
for source in tests/fuzz/readers.cpp $(ls sim/text/*.cpp | grep -v token_file); do
    object="$work/$(basename "$source" .cpp).o"
    [ "$object" -nt "$source" ] || compile -c "$source" -o "$object"
done
compile -fsanitize=fuzzer "$work"/*.o -lsentencepiece -lpcre2-8 -licuuc -o "$work/readers"
for target in ${*:-json jsonl tokenizer sentencepiece}; do
    corpus="$work/corpus-$target"
    mkdir -p "$corpus"
    cp "tests/fuzz/corpus/$target"/* "$corpus"
    FUZZ_TARGET=$target "$work/readers" -runs="$runs" -max_len=8192 -rss_limit_mb=4096 -timeout=20 \
        -artifact_prefix="$work/$target-" -print_final_stats=1 "$corpus"
done
