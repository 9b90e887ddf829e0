# Sourced by verify.sh and test.sh: installs what is missing (as root) and builds.
packages="cmake make g++ git libeigen3-dev libboost-dev libboost-program-options-dev libhdf5-dev
libnlopt-dev libnlopt-cxx-dev librandom123-dev libxxhash-dev doctest-dev nlohmann-json3-dev
libsentencepiece-dev libpcre2-dev libicu-dev python3 python3-h5py python3-numpy python3-matplotlib"

install_packages() {
    command -v dpkg-query >/dev/null || return 0 # another distribution: CMake will name what it misses
    missing=""
    for package in $packages; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages:$missing" >&2
        echo "install them with: apt-get install$missing" >&2
        exit 2
    fi
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# build PRESET [TARGET]: configures and compiles quietly, shows the log if that fails.
build() {
    folder=build
    [ "$1" = release ] || folder="build-$1"
    echo "building ($1)"
    mkdir -p "$folder"
    if ! { cmake --preset "$1" && cmake --build "$folder" -j "$(nproc)" --target "${2:-all}"; } >"$folder/build.log" 2>&1; then
        tail -n 40 "$folder/build.log" >&2
        exit 1
    fi
}
