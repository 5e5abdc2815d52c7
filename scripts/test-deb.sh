#!/bin/sh
# `make test-deb`: the package that `make deb` built, installed in a Debian 13 of its own.
#
# The system is made once, by debootstrap, from the mirror that apt uses on this machine. Each run
# boots it in a container (systemd-nspawn) that has no network but the one it makes itself and that
# writes to memory only. First the lab's tests run on it, then those of tests/deb, with the real
# systemd, bus and polkit. Takes root; starts nothing on this machine.
set -eu
cd "$(dirname "$0")/.."

suite=${DEB_SUITE:-trixie}
root=${DEB_ROOT:-$PWD/build/$suite}
lab_tests='tests/lab/test_failover.py tests/lab/test_standby.py tests/lab/test_start_stop.py
    tests/lab/test_world_misbehaves.py tests/lab/test_hook.py'
test_packages='dbus-bin dnsmasq-base iproute2 iputils-ping make nftables procps python3-pytest
    python3-pytest-timeout python3-pytest-xdist systemd-sysv tcpdump'

die() { # MESSAGE HINT
    printf '%s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || exec sudo --preserve-env=DEB_SUITE,DEB_ROOT,DEB_MIRROR "$0" "$@"

package=$(ls build/deb/netswap_*.deb 2>/dev/null) || die 'there is no package' 'make deb'

# Each line: a check, and the package that mends it.
missing_packages() {
    while read -r check package; do
        command -v "$check" >/dev/null || echo "$package"
    done <<EOT
debootstrap debootstrap
systemd-nspawn systemd-container
EOT
}

mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1
}

# In the new system, as apt sees it; nothing is started there, since no systemd runs in it.
in_new_system() { # COMMAND…
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount --pid --fork sh -ec '
        mount -t proc proc "$0/proc"
        mount -t sysfs -o ro sysfs "$0/sys"
        exec chroot "$0" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"' "$root.new" "$@"
}

make_system() { # DEPENDENCIES
    from=${DEB_MIRROR:-$(mirror)}
    [ -n "$from" ] || die "apt on this machine knows no mirror of Debian" 'DEB_MIRROR=URL make test-deb'
    echo "Making a Debian $suite in $root"
    rm -rf "$root.made" "$root" "$root.new"
    mkdir -p "$(dirname "$root")"
    debootstrap --variant=minbase "$suite" "$root.new" "$from" >"$root.log" 2>&1 ||
        die 'debootstrap failed' "read $root.log"
    cp --remove-destination --dereference /etc/resolv.conf "$root.new/etc/resolv.conf"
    # shellcheck disable=SC2086 # a list
    {
        in_new_system apt-get --quiet update
        in_new_system apt-get --quiet --yes --no-install-recommends satisfy "$1"
        in_new_system apt-get --quiet --yes --no-install-recommends install $test_packages
        in_new_system apt-get clean
    } >>"$root.log" 2>&1 || die 'the packages could not be installed' "read $root.log"
    mv "$root.new" "$root"
    printf '%s\n' "$1 $test_packages" >"$root.made"
}

# Where systemd runs, it gives the container its control group; elsewhere nspawn makes some itself,
# and leaves them behind.
# shellcheck disable=SC2317 # called by the trap
tidy() {
    find /sys/fs/cgroup -mindepth 1 -depth -type d \( -path '*/payload*' -o -path '*/supervisor*' \) \
        -exec rmdir {} + 2>/dev/null || :
    rmdir /run/systemd/nspawn/* /run/systemd/nspawn 2>/dev/null || :
}
keep=
if ! [ -d /run/systemd/system ]; then
    keep=--keep-unit
    trap tidy EXIT
fi

container() { # OPTIONS AND COMMAND…
    # shellcheck disable=SC2086 # empty or one word
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout --kill-after=10 900 \
        systemd-nspawn --quiet --register=no $keep --machine="netswap-test-$$" --console=pipe \
        --directory="$root" --volatile=overlay --private-network --resolv-conf=off --timezone=off \
        --link-journal=no --bind-ro="$PWD/tests:/netswap/tests" \
        --bind-ro="$PWD/data:/netswap/data" \
        --bind-ro="$PWD/dispatcher.d:/netswap/dispatcher.d" \
        --bind-ro="$PWD/pyproject.toml:/netswap/pyproject.toml" \
        --bind-ro="$PWD/build/deb:/deb" --bind-ro="$PWD:/source" --bind="$out:/out" "$@" </dev/null
}

# shellcheck disable=SC2046 # a list
scripts/setup.sh --need $(missing_packages)
depends=$(dpkg-deb --field "$package" Depends)
[ "$(cat "$root.made" 2>/dev/null)" = "$depends $test_packages" ] || make_system "$depends"

out=$(mktemp -d)
status=0
echo 'The lab, with what is installed'
# shellcheck disable=SC2086,SC2016 # a list; the inner shell expands the rest
container sh -ec '
    dpkg --install /deb/netswap_*.deb >/out/dpkg.log 2>&1 || { cat /out/dpkg.log; exit 1; }
    dpkg-query --show network-manager nftables python3 python3-scapy systemd
    cd /netswap
    export PYTHONPATH=/usr/lib/netswap PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
    exec python3 -m pytest -q -n 4 --dist worksteal -p no:cacheprovider "$@"' sh $lab_tests || status=1

echo 'A laptop with it'
unit=netswap-test.service
container --bind-ro="$PWD/tests/deb/$unit:/etc/systemd/system/$unit" --boot \
    systemd.unit=multi-user.target "systemd.wants=$unit" || status=1
cat "$out/log"
rm -rf "$out"
exit $status
