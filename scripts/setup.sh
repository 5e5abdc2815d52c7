#!/bin/sh
# Makes a machine ready for development: Debian packages that are missing, .venv, and a systemd-resolved
# for the lab, which is not installed.
#
# It starts no service, leaves /etc/resolv.conf as it was, and does not hand the machine's network to
# a NetworkManager, a keepalived or a firewall that was not there before. Run again, it only looks. For Debian 12
# and 13.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

self=scripts/setup.sh
venv=.venv
resolved=build/systemd-resolved
prometheus=build/prometheus
stamp=$venv/setup-stamp
# What CI and every developer tests with, to the version.
versions=scripts/versions.txt
python=${PYTHON:-python3}

die() { # MESSAGE HINT
    printf '%s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Each line: a check, the package that mends it, what for.
missing_packages() {
    while read -r check package purpose; do
        case $check in
        venv) "$python" -c 'import ensurepip, venv' 2>/dev/null && continue ;;
        *) has "$check" && continue ;;
        esac
        printf '  %-16s %s\n' "$package" "$purpose" >&2
        echo "$package"
    done <<EOF
NetworkManager network-manager what netswap works with; the lab starts it in namespaces of its own
dbus-daemon dbus-daemon the lab's message bus
dnsmasq dnsmasq-base the lab's DHCP and name servers
dig bind9-dnsutils lookups in the lab
nft nftables the guard on standby links
ip iproute2 the lab's links and routes
ping iputils-ping the lab's own check of its links
curl curl a client in the lab that knows both versions of IP
sysctl procps the lab's routers
busctl systemd what the dispatcher hook calls; systemd-analyze checks the unit
dbus-send dbus-bin what the hook calls where there is no busctl
openvpn openvpn the lab's VPN
firewalld firewalld a firewall beside the guard, in the lab
ufw ufw another one
iptables-nft iptables what Docker sets its rules with
keepalived keepalived what netswap is compared with
cc gcc replaces the clocks that netswapd reads, in the lab
strace strace what netswapd asks the kernel for, held against its unit
shellcheck shellcheck checks the shell scripts
pandoc pandoc makes the man pages
groff groff-base checks the man pages
msgfmt gettext compiles the translations
$python python3 everything is written in it
venv python3-venv makes .venv
EOF
}

# As root. Debian starts what it installs, unless policy-rc.d says no (invoke-rc.d(8)).
install_packages() {
    policy=/usr/sbin/policy-rc.d
    made_policy=
    keep=$(mktemp -d)
    left=
    has NetworkManager || left='NetworkManager NetworkManager-wait-online NetworkManager-dispatcher'
    has firewalld || left="$left firewalld"
    has keepalived || left="$left keepalived"
    cp -P -p /etc/resolv.conf "$keep/link" 2>/dev/null || :
    cat /etc/resolv.conf >"$keep/text" 2>/dev/null || :
    trap after_install EXIT
    trap 'exit 1' HUP INT TERM
    if ! [ -e $policy ]; then
        made_policy=yes
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --no-install-recommends "$@"
}

after_install() {
    [ -z "$made_policy" ] || rm -f "$policy"
    restore_resolv_conf
    rm -rf "$keep"
    leave_disabled
}

# Debian enables what it installs: it would start at the next boot.
leave_disabled() {
    [ -n "$left" ] && [ -d /run/systemd/system ] || return 0
    for unit in $left; do
        systemctl --quiet disable "$unit.service" 2>/dev/null || continue
        echo "$unit was installed and left disabled: this machine keeps its network as it is."
        echo "To use it: systemctl enable --now $unit"
    done
}

restore_resolv_conf() {
    [ -e "$keep/text" ] || return 0
    if [ -L "$keep/link" ]; then
        [ "$(readlink /etc/resolv.conf)" = "$(readlink "$keep/link")" ] && return 0
        rm -f /etc/resolv.conf
        cp -P "$keep/link" /etc/resolv.conf
    else
        ! [ -L /etc/resolv.conf ] && cmp -s "$keep/text" /etc/resolv.conf && return 0
        # Written into, not renamed: in a container it is a mount.
        ! [ -L /etc/resolv.conf ] || rm -f /etc/resolv.conf
        cat "$keep/text" >/etc/resolv.conf
    fi
    echo 'a package had changed /etc/resolv.conf: it is as it was again'
}

mend_packages() {
    packages=$(missing_packages) || exit 1
    # shellcheck disable=SC2086 # a list
    need $packages
}

need() { # PACKAGES
    [ $# -gt 0 ] || return 0
    has apt-get || die "missing: $*" 'this script installs on Debian only; install their like by hand'
    by_hand="as root, run: apt-get install --no-install-recommends $*"
    echo "Debian packages are missing, installing them: $*"
    if [ "$(id -u)" = 0 ]; then
        sh $self --install "$@" || die 'the packages could not be installed' "$by_hand"
    elif has sudo; then
        sudo sh $self --install "$@" || die 'the packages could not be installed' "$by_hand"
    else
        die 'only root can install them, and there is no sudo' "$by_hand"
    fi
}

# Installed, it would take over /etc/resolv.conf, be started at the next boot, and be what others take for
# a working resolvconf(8), NetworkManager and wg-quick among them. So it is only unpacked.
mend_resolved() {
    has resolvectl || [ -e $resolved/usr/bin/resolvectl ] || unpack systemd-resolved $resolved
}

# Installed, it would start a server; promtool, which checks what is in contrib, is all that is wanted.
mend_promtool() {
    has promtool || [ -e $prometheus/usr/bin/promtool ] || unpack prometheus $prometheus
}

unpack() { # PACKAGE DIRECTORY
    has apt-get || die "missing: $1" 'this script fetches from Debian only; install its like by hand'
    echo "fetching $1, without installing it"
    rm -rf "$2"
    mkdir -p "$2"
    (cd "$2" && apt-get -qq -o APT::Sandbox::User=root download "$1") ||
        die "the package $1 could not be fetched" 'as root, run: apt-get update'
    dpkg -x "$2"/*.deb "$2" && rm "$2"/*.deb
}

check_python() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$("$python" --version) is too old: netswap needs Python 3.11 or newer" \
            'Debian 12 and newer have it; or name another one: PYTHON=/path/to/python3 make setup'
}

# .venv is good as long as its Python runs and what it is made by has not changed.
mend_venv() {
    wanted=$(sha256sum pyproject.toml $versions)
    [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && $venv/bin/python -c '' 2>/dev/null && return 0
    check_python
    echo 'making .venv: netswap and the tools to develop it'
    "$python" -m venv --clear $venv
    pip_install -e '.[venv,dev]'
    echo "$wanted" >$stamp
}

pip_install() { $venv/bin/python -m pip --quiet --disable-pip-version-check install -c $versions "$@"; }

# What one target alone needs. MODULE tells whether it is there.
mend_extra() { # EXTRA MODULE
    $venv/bin/python -c "import $2" 2>/dev/null && return 0
    echo "installing into .venv what only this needs: $1"
    pip_install -e ".[$1]" || die "$1 could not be installed" \
        'it needs the network, and a Python that there is a build of it for'
}

case ${1-} in
--install)
    shift
    install_packages "$@"
    ;;
--need) # for other scripts: these packages, and no more
    shift
    need "$@"
    ;;
--extra)
    shift
    mend_extra "$@"
    ;;
*)
    mend_packages
    mend_resolved
    mend_promtool
    mend_venv
    ;;
esac
