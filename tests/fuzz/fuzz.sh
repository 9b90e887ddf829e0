#!/bin/sh
# Fuzzes the readers of outside files with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer
# (developers only; ends at the first finding).
#   [SECONDS_EACH=0] tests/fuzz/fuzz.sh [RUNS] [TARGET ...]
# Targets: json jsonl dialogues tokenizer sentencepiece spec claims adapter safetensors config npy features population tokens
# results segment sweep run hdf5. SECONDS_EACH ends a target after so long; 0: after RUNS inputs.
set -eu
cd "$(dirname "$0")/../.."
runs=${1:-1000000}
[ $# -gt 0 ] && shift
work=${FUZZ_DIR:-build-fuzz}
texts="json jsonl dialogues tokenizer sentencepiece spec claims adapter"
files="npy features population tokens results segment sweep run"
cmake -S . -B "$work" -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" -DCMAKE_UNITY_BUILD=ON -DPREFDYN_SANITIZE=ON -DPREFDYN_FUZZ=ON \
    -DPREFDYN_CUDA=OFF > /dev/null
cmake --build "$work" -j "$(nproc)" --target readers_fuzz safetensors_fuzz config_fuzz files_fuzz hdf5_fuzz
/usr/bin/python3 tests/fuzz/seeds.py "$work/seeds"
trap 'rm -rf /dev/shm/prefdyn-fuzz-*' EXIT
for target in ${*:-$texts safetensors config $files hdf5}; do
    driver=$target
    case " $texts " in *" $target "*) driver=readers ;; esac
    case " $files " in *" $target "*) driver=files ;; esac
    seeds="tests/fuzz/corpus/$target"
    [ -d "$seeds" ] || seeds="$work/seeds/$target"
    mkdir -p "$work/corpus-$target" "$seeds"
    echo "== $target"
    # In memory and time an input is bounded: 4 GiB, 20 s.
    FUZZ_TARGET=$target "$work/tests/fuzz/${driver}_fuzz" -runs="$runs" -max_total_time="${SECONDS_EACH:-0}" -max_len=8192 \
        -rss_limit_mb=4096 -timeout=20 -artifact_prefix="$work/$target-" -print_final_stats=1 "$work/corpus-$target" "$seeds"
done
