# shellcheck shell=sh disable=SC2034
# What the commands of the README share: installing what is missing, and a build that does not
# depend on the state of the checkout. Read by build-aux/demo and build-aux/test.

build_packages='autoconf automake libtool pkg-config make gcc libc6-dev libevent-dev libbsd-dev
    libconfig-dev procps'
test_packages="$build_packages clang clang-format libcmocka-dev bats bats-assert
    bats-support bats-file mandoc python3 parallel universal-ctags shellcheck iproute2 xz-utils
    binutils libcap2-bin strace"

say() {
    printf '\n== %s\n' "$*"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_missing PACKAGE...
install_missing() {
    missing=
    for package; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    as_root apt-get -o DPkg::Lock::Timeout=300 update -q
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install -q -y --no-install-recommends $missing
}

# copy_sources FOLDER: the files of the checkout, without anything that a build has left there.
copy_sources() {
    rm -rf "$1"
    mkdir -p "$1"
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . -path ./build -prune -o \( -type f -o -type l \) -print0
    fi | tar -c --null --no-recursion --ignore-failed-read -T - 2>/dev/null | tar -x -C "$1"
    (cd "$1" && sh ./bootstrap >bootstrap.log 2>&1) || {
        cat "$1/bootstrap.log"
        return 1
    }
}

# build_in FOLDER CONFIGURE-ARGUMENT...: from the sources in build/source, quietly unless it fails.
build_in() {
    folder=$1
    shift
    mkdir -p "$folder"
    if (cd "$folder" && ../source/configure -q "$@" && make -j"$(nproc)") >"$folder/build.log" 2>&1
    then
        return 0
    fi
    tail -n 60 "$folder/build.log"
    echo "the build in $folder failed"
    return 1
}
