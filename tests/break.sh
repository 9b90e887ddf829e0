#!/bin/bash
# Breaks the program in every way that a machine does, and counts what was survived: kills, full disks, little memory,
# flipped bits, two writers, a moved folder. Takes up to 15 minutes and is no part of ctest.
#   PREFDYN=build/prefdyn PREFDYN_DATA=DATA tests/break.sh
# Survived means: the exit code of README.md, nothing half-written under its final name, and the same numbers afterwards.
# Exit code: 0 all survived, 1 not, 77 there are no data.
set -u
cd "$(dirname "$0")/.." || exit 2
P=$(realpath "${PREFDYN:-build/prefdyn}")
DATA=${PREFDYN_DATA:-../shared/data}
M=$DATA/checkpoints/stories260K
[ -f "$M/config.json" ] || { echo "SKIPPED: $M is absent (set PREFDYN_DATA)"; exit 77; }
M=$(realpath "$M")
DATA=$(realpath "$DATA")
W=$(mktemp -d)
trap 'mountpoint -q "$W/disk" 2>/dev/null && umount "$W/disk"; rm -rf "$W"' EXIT
RANDOM=${SEED:-1}
export OMP_WAIT_POLICY=passive PREFDYN_PUBLISH_SECONDS=0.05
cd "$W" || exit 2

head -60 "$DATA/persona/openness.jsonl" > d.jsonl
printf 'distinguishability = linspace(0.5, 4, 20)\nsamples = 200\ndimension = 32\nsteps = 300\nrecords = 3\nreplicates = 20\nclaims = T1\n' > s.ini

# Every call writes below $out; it is the same call after whatever happened. X=exec makes it the process itself.
X=
call() {
    case $1 in
        sweep) $X "$P" sweep s.ini --out "$out/sweep" --threads 2 ;;
        merge) $X "$P" merge want/sweep --out "$out/merged.h5" --force ;;
        finetune) $X "$P" finetune --model "$M" --data d.jsonl --bos --one-token --lr 1e-4 --steps 40 --batch 8 --records 6 \
            --save-every 2 --threads 1 --out "$out/run" ;;
        lora) $X "$P" finetune --model "$M" --data d.jsonl --bos --one-token --method lora --lr 1e-3 --steps 20 --batch 8 \
            --records 3 --threads 1 --out "$out/lora" ;;
        embed) $X "$P" embed --model "$M" --data d.jsonl --bos --no-shared --threads 1 --out "$out/e.h5" --force ;;
        scaled) $X "$P" scaled --model "$M" --data d.jsonl --bos --no-shared --steps 20 --claims T1 --threads 2 \
            --out "$out/scaled.h5" --force ;;
        simulate) $X "$P" simulate --samples 60 --dimension 4 --steps 5 --out "$out/o.h5" --force ;;
    esac
}

# Datasets of two HDF5 files, or bytes of two others, are the same; who made them does not count.
same() {
    /usr/bin/python3 - "$1" "$2" <<'PYTHON'
import sys, h5py
def read(path):
    if not path.endswith(".h5"):
        return open(path, "rb").read()
    out = {}
    with h5py.File(path) as f:
        f.visititems(lambda n, d: out.update({n: d[()].tobytes()}) if isinstance(d, h5py.Dataset) and not n.startswith("segment") else None)
    return out
sys.exit(read(sys.argv[1]) != read(sys.argv[2]))
PYTHON
}

result() {
    case $1 in
        sweep) "$P" merge "$out/sweep" --out "$out/swept.h5" --force > /dev/null; echo swept.h5 ;;
        merge) echo merged.h5 ;;
        finetune) echo run/model.safetensors ;;
        lora) echo lora/adapter_model.safetensors ;;
        embed) echo e.h5 ;;
        scaled) echo scaled.h5 ;;
        simulate) echo o.h5 ;;
    esac
}

tried=0 survived=0 all_tried=0 all_survived=0
count() { # count COMMAND...: whether it succeeds is whether this was survived
    tried=$((tried + 1))
    if "$@"; then survived=$((survived + 1)); else echo "NOT survived: $what: $*" >&2; fi
}
row() {
    printf '| %-44s | %5d | %8d |\n' "$1" "$tried" "$survived"
    all_tried=$((all_tried + tried)) all_survived=$((all_survived + survived)) tried=0 survived=0
}
ends_as_wanted() { # after whatever happened the same call gives what an undisturbed one gives
    call "$1" > log 2>&1 || return 1
    [ -z "$(find "$out" -name '*.partial' -newer s.ini 2>/dev/null | grep -v /segments/)" ] || return 1
    same "$out/$(result "$1")" "want/$(result "$1")"
}

whole_or_absent() { # what lies under the final name is what an undisturbed call gives
    if [ "$1" = sweep ]; then
        [ ! -d "$out/sweep/segments" ] || "$P" status "$out/sweep" > log 2>&1 || grep -q "spec.ini is missing" log
        return
    fi
    local file=$1
    case $1 in
        merge) file=merged.h5 ;;
        finetune) file=run/model.safetensors ;;
        embed) file=e.h5 ;;
        scaled) file=scaled.h5 ;;
    esac
    [ ! -e "$out/$file" ] || same "$out/$file" "want/$file"
}

out=want
mkdir want
for c in sweep merge finetune lora embed scaled simulate; do
    call $c > log 2>&1 || { echo "$c does not run: $(tail -2 log)"; exit 1; }
    result $c > /dev/null
done
echo '| what was done | tried | survived |'
echo '|---|---|---|'

# ---- kills at random moments, six of each command; then the call again
for c in sweep finetune embed scaled merge; do
    out=killed-$c what="kill -9 of $c"
    mkdir "$out"
    for _ in 1 2 3 4 5 6; do
        (X='exec' && call $c) > /dev/null 2>&1 &
        sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
        kill -9 $! 2> /dev/null
        wait $! 2> /dev/null
        count whole_or_absent $c
    done
    count ends_as_wanted $c
done
row "killed at a random moment, then repeated"

# ---- a full disk
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=400k none disk 2> /dev/null; then
    fills() { # exit code 3, soon, and nothing of its final name that is not whole
        call "$1" > log 2>&1
        [ $? = 3 ] || return 1
        [ -z "$(find disk -name '*.partial')" ]
    }
    for c in sweep finetune lora embed scaled; do
        out=disk what="a full disk under $c"
        dd if=/dev/zero of=disk/filler bs=1k count=380 2> /dev/null
        count fills $c
        rm -rf disk/*
        umount disk && mount -t tmpfs -o size=64m none disk
        count ends_as_wanted $c
        umount disk && mount -t tmpfs -o size=400k none disk
    done
    umount disk
    row "full disk, then room"
    takes_nothing() { call simulate > /dev/full 2> log; [ $? = 3 ]; }
    out=stdout what="a full standard output"
    mkdir stdout
    count takes_nothing
    row "full standard output"
else
    echo "SKIPPED: full disks need root" >&2
fi

# ---- little memory, small files
for c in sweep finetune embed scaled simulate; do
    for limit in "-v 150000" "-v 300000" "-f 1" "-f 40"; do
        out=limited-$c what="ulimit $limit for $c"
        rm -rf "$out"
        mkdir "$out"
        limited() {
            (ulimit $limit; call "$1") > log 2>&1
            local code=$?
            [ $code = 0 ] || [ $code = 3 ] || { [ $code = 127 ] && grep -q "cannot allocate\|shared" log; }
        }
        count limited $c
        count ends_as_wanted $c
    done
done
row "limits of memory and of file size, then none"

# ---- a flipped bit in every kind of file that is read again
flip() { # flip FILE PLACE: the PLACE-th of 200
    /usr/bin/python3 - "$1" "$2" <<'PYTHON'
import sys
path, k = sys.argv[1], int(sys.argv[2])
data = bytearray(open(path, "rb").read())
data[k * (len(data) - 1) // 200] ^= 1 << (k % 7)
open(path, "wb").write(data)
PYTHON
}
out=want
flipped() { # flipped FILE KIND: 200 bits one after the other; each is refused, or changes nothing
    cp "$1" whole
    for place in $(seq 0 199); do
        cp whole "$1"
        flip "$1" "$place"
        count "$2"
    done
    cp whole "$1"
}
refuses_segment() { "$P" status want/sweep > log 2>&1; [ $? = 3 ] && grep -q "damaged" log; }
refuses_spec() { "$P" status want/sweep > log 2>&1; [ $? = 2 ] && grep -q "spec.ini: is damaged" log; }
refuses_model() { "$P" embed --model want/run --data d.jsonl --bos --no-shared --out x.h5 --force > log 2>&1; [ $? = 2 ]; }
what="a flipped bit in a segment"
flipped "$(find want/sweep/segments -name '*.h5' | sort | head -1)" refuses_segment
what="a flipped bit in spec.ini"
flipped want/sweep/spec.ini refuses_spec
what="a flipped bit in a model"
flipped want/run/model.safetensors refuses_model
out=stopped what="a flipped bit in a state"
mkdir stopped
(X='exec' && call finetune) > /dev/null 2>&1 &
for _ in $(seq 500); do [ -f stopped/run/state-0.safetensors ] && break; sleep 0.01; done
kill -9 $!
wait $! 2> /dev/null
refuses_state() { call finetune > log 2>&1; [ $? = 2 ] && grep -q "state-0.safetensors" log; }
if [ -f stopped/run/state-0.safetensors ]; then flipped stopped/run/state-0.safetensors refuses_state; fi
row "one flipped bit, 200 places a kind of file"

# ---- two writers of one name
for _ in 1 2 3 4 5 6 7 8 9 10; do
    out=two what="two writers"
    mkdir -p two
    both() {
        call simulate > /dev/null 2>&1 &
        local first=$!
        call simulate > /dev/null 2>&1
        local code=$?
        wait "$first" && [ $code = 0 ] && [ "$(ls two)" = o.h5 ] && same two/o.h5 want/o.h5
    }
    count both
done
row "two writers of one file"

# ---- a moved folder
out=before what="a moved folder"
mkdir before
(X='exec' && call finetune) > /dev/null 2>&1 &
for _ in $(seq 500); do [ -f before/run/state-0.safetensors ] && break; sleep 0.01; done
kill -TERM $!
wait $! 2> /dev/null
mv before after
out=after
count ends_as_wanted finetune
row "a moved folder"

printf '| %-44s | %5d | %8d |\n' "all" "$all_tried" "$all_survived"
[ "$all_tried" = "$all_survived" ]
