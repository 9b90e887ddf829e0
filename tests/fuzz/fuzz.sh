#!/bin/sh
# Fuzzes the readers of outside files with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer
# (developers only; ends at the first finding).
#   tests/fuzz/fuzz.sh [RUNS] [TARGET ...]   targets: json jsonl dialogues tokenizer sentencepiece safetensors config
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-1000000}
[ $# -gt 0 ] && shift
work=${FUZZ_DIR:-build-fuzz}
mkdir -p "$work/objects"
compile() {
    ${CXX_LAUNCHER:-} clang++ -std=c++20 -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined \
        -fno-sanitize-recover=all -I. -isystem /usr/include/eigen3 "$@"
}
for source in sim/base/content_hash.cpp $(ls sim/lm/text/*.cpp sim/lm/text/tokenizer/*.cpp | grep -v token_file) sim/lm/model/tensor.cpp \
    sim/lm/model/safetensors.cpp sim/lm/model/rope.cpp sim/lm/model/model_config.cpp; do
    object="$work/objects/$(basename "$source" .cpp).o"
    [ "$object" -nt "$source" ] || compile -c "$source" -o "$object"
done
python3 tests/fuzz/seeds.py "$work/seeds"
for target in ${*:-json jsonl dialogues tokenizer sentencepiece safetensors config}; do
    case $target in
    safetensors | config) driver=${target}_fuzz seeds="$work/seeds/$target" ;;
    *) driver=readers seeds="tests/fuzz/corpus/$target" ;;
    esac
    compile -fsanitize=fuzzer tests/fuzz/$driver.cpp "$work"/objects/*.o -lsentencepiece -lpcre2-8 -licuuc \
        -o "$work/$driver"
    mkdir -p "$work/corpus-$target"
    FUZZ_TARGET=$target "$work/$driver" -runs="$runs" -max_len=8192 -rss_limit_mb=4096 -timeout=20 \
        -artifact_prefix="$work/$target-" -print_final_stats=1 "$work/corpus-$target" "$seeds"
done
