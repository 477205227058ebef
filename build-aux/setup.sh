# shellcheck shell=sh disable=SC2034
# What the commands of the README share: installing what is missing, and a build that does not
# depend on the state of the checkout. Read by build-aux/demo and build-aux/test.

build_packages='autoconf automake libtool pkg-config make gcc libc6-dev libevent-dev libbsd-dev
    libcap-ng-dev libconfig-dev libjansson-dev libncurses-dev procps'
test_packages="$build_packages clang clang-format g++ libcmocka-dev bats bats-assert
    bats-support bats-file mandoc python3 parallel universal-ctags shellcheck iproute2 xz-utils
    bc binutils libcap2-bin strace busybox logrotate gnuplot-nox valgrind
    systemd systemd-container curl jq prometheus chromium haproxy zsh python3-yaml"

say() {
    printf '\n== %s\n' "$*"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "not root, and no sudo here; as root: $*"
        exit 77
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

# install_decoder FOLDER: the official decoder of OTLP, for tests of traces.
install_decoder() {
    [ ! -d "$1/node_modules/@opentelemetry/otlp-transformer" ] || return 0
    # Debian's npm wants Debian's nodejs, which is not everybody's
    command -v npm >/dev/null || install_missing nodejs npm
    say "installing the decoder of OTLP"
    mkdir -p "$1"
    npm install --prefix "$1" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        @opentelemetry/otlp-transformer@0.57.2 </dev/null
}

# copy_sources FOLDER: what the build needs, without anything that another build has left there.
copy_sources() {
    rm -rf "$1"
    mkdir -p "$1"
    tar -c --exclude=.deps --exclude=.libs --exclude=.dirstamp --exclude=__pycache__ \
        --exclude='*.o' --exclude='*.l[oa]' --exclude='*.a' \
        .clang-format .editorconfig ARCHITECTURE.md HACKING.md Makefile.am README README.md \
        bootstrap build-aux/demo build-aux/setup.sh build-aux/test configure.ac m4/preforkd.m4 \
        bench doc etc examples include man src tests | tar -x -C "$1"
    (
        cd "$1" || exit
        rm -f src/preforkd src/preforkbench src/preforkcat src/preforkctl src/admin/page.inc \
            man/preforkd.8 etc/systemd/preforkd.service
        find tests/unit -type f ! -name '*.c' -exec rm -f {} +
        sh ./bootstrap >bootstrap.log 2>&1 || {
            cat bootstrap.log
            exit 1
        }
    )
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
