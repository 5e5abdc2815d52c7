#!/bin/sh
# `make install` and `make uninstall`; the variables come from the Makefile.
#
# What is installed, and every directory made for it, is written down in $LIBDIR/manifest;
# uninstalling takes exactly that away again. Installing again uninstalls the old version first.
set -eu
umask 022
cd "$(dirname "$0")/.."

root=${DESTDIR-}
manifest=$root$LIBDIR/manifest
written=

die() { # MESSAGE HINT
    printf '%s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# Each line: what Python imports, and Debian's package of it.
missing_modules() {
    while read -r module package; do
        # scapy leaves a cache in the home of who imports it.
        env -i HOME=/nonexistent "$PYTHON3" -I -c "import $module" 2>/dev/null ||
            printf ' %s' "$package"
    done <<EOT
click python3-click
dbus_next python3-dbus-next
msgspec python3-msgspec
nftables python3-nftables
rich python3-rich
scapy.layers.inet python3-scapy
EOT
}

check_python() {
    "$PYTHON3" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$PYTHON3 is older than Python 3.11, or not there" \
            'name another one: make install PYTHON3=/path/to/python3'
    packages=$(missing_modules)
    [ -z "$packages" ] ||
        die "$PYTHON3 lacks modules that netswap needs" "apt install$packages
      Debian 12 has no python3-msgspec; there:
      python3 -m venv --system-site-packages /opt/netswap && /opt/netswap/bin/pip install msgspec
      make install PYTHON3=/opt/netswap/bin/python3"
}

# Before it is there: what was cut short can be taken away, and done again, too.
note() { printf '%s\n' "$1" >>"$list"; }

make_dir() { # DIRECTORY
    ! [ -d "$root$1" ] || return 0
    make_dir "$(dirname "$1")"
    note "$1/"
    mkdir "$root$1"
}

put() { # MODE SOURCE TARGET; @NAME@ in the source is one of the variables below
    make_dir "$(dirname "$3")"
    note "$3"
    sed "s|@PYTHON3@|$PYTHON3|; s|@LIBDIR@|$LIBDIR|; s|@BINDIR@|$BINDIR|; s|@SBINDIR@|$SBINDIR|
        s|@SYSCONFDIR@|$SYSCONFDIR|" "$2" >"$root$3"
    chmod "$1" "$root$3"
}

put_as_is() { # SOURCE TARGET
    make_dir "$(dirname "$2")"
    note "$2"
    cp "$1" "$root$2"
    chmod 644 "$root$2"
}

launcher() { # MODULE TARGET
    put 755 data/launcher.in "$2"
    sed -i "s|@MODULE@|$1|" "$root$2"
}

link() { # CONTENT PATH
    make_dir "$(dirname "$2")"
    note "$2"
    ln -sf "$1" "$root$2"
}

install_all() {
    launcher netswap.daemon.__main__ "$SBINDIR/netswapd"
    launcher netswap.hooks.__main__ "$SBINDIR/netswap-hooks"
    if [ -e netswap/cli/main.py ]; then
        launcher netswap.cli.main "$BINDIR/netswapctl"
    fi
    launcher netswap.notify.__main__ "$BINDIR/netswap-notify"
    # All but what only makes the man pages.
    find netswap -name '*.py' ! -path netswap/manual.py | sort | while read -r file; do
        put 644 "$file" "$LIBDIR/$file"
    done
    for file in po/*.po; do
        language=$(basename "$file" .po)/LC_MESSAGES/netswap.mo
        put_as_is "build/locale/$language" "$LIBDIR/netswap/locale/$language"
    done
    make_dir "$SYSCONFDIR"
    make_dir "$SYSCONFDIR/hooks.d"

    put 644 data/netswapd.service.in "$SYSTEMDUNITDIR/netswapd.service"
    put 644 data/netswap-hooks.service.in "$SYSTEMDUNITDIR/netswap-hooks.service"
    put 644 data/netswap-notify.service.in "$USERUNITDIR/netswap-notify.service"
    put 644 data/netswap-notify.desktop.in "$AUTOSTARTDIR/netswap-notify.desktop"
    put 644 data/netswap.sysusers "$SYSUSERSDIR/netswap.conf"
    put 644 data/org.netswap1.conf "$DBUSPOLICYDIR/org.netswap1.conf"
    put 644 data/org.netswap1.xml "$DBUSINTERFACEDIR/org.netswap1.xml"
    put 644 data/org.netswap1.policy "$POLKITACTIONDIR/org.netswap1.policy"
    put 644 data/netswap.rules "$POLKITRULESDIR/50-netswap.rules"

    # NetworkManager runs what is in no-wait.d at once, not behind another event's scripts
    # (NetworkManager-dispatcher(8)). It waits for what is in pre-up.d all the same.
    put 755 dispatcher.d/90-netswap "$DISPATCHERDIR/no-wait.d/90-netswap"
    link no-wait.d/90-netswap "$DISPATCHERDIR/90-netswap"
    link ../no-wait.d/90-netswap "$DISPATCHERDIR/pre-up.d/90-netswap"

    put 644 build/man/netswapd.8 "$MANDIR/man8/netswapd.8"
    put 644 build/man/netswap-hooks.8 "$MANDIR/man8/netswap-hooks.8"
    put 644 build/man/netswapctl.1 "$MANDIR/man1/netswapctl.1"
    put 644 build/man/netswap-notify.1 "$MANDIR/man1/netswap-notify.1"
    put 644 build/man/netswap.toml.5 "$MANDIR/man5/netswap.toml.5"
    put 644 data/netswap.toml "$DOCDIR/examples/netswap.toml"
    find contrib -type f | sort | while read -r file; do
        mode=644
        ! [ -x "$file" ] || mode=755
        put $mode "$file" "$DOCDIR/examples/${file#contrib/}"
    done
    put 644 data/completions/netswapctl.bash "$BASHCOMPDIR/netswapctl"
    put 644 data/completions/netswapctl.zsh "$ZSHCOMPDIR/_netswapctl"
    put 644 data/completions/netswapctl.fish "$FISHCOMPDIR/netswapctl.fish"
}

uninstall_all() { # MANIFEST
    rm -rf "$root$LIBDIR/netswap" # with what Python has compiled in it
    grep -v '/$' "$1" | while read -r file; do
        rm -f "$root$file"
    done
    rm -f "$manifest"
    # The deepest first; what others put something into stays.
    grep '/$' "$1" | sort -r | while read -r directory; do
        rmdir "$root$directory" 2>/dev/null || :
    done
}

live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

after_install() {
    [ -n "$root" ] || "$PYTHON3" -m compileall -q "$LIBDIR/netswap"
    ! live || {
        systemd-sysusers "$SYSUSERSDIR/netswap.conf"
        systemctl daemon-reload
        systemctl reload dbus.service
        systemctl try-restart netswapd.service netswap-hooks.service
        echo 'Installed. To start it, now and at every boot: systemctl enable --now netswapd'
    }
}

written=$(mktemp)
list=$written
trap 'rm -f "$written"' EXIT
case ${1-} in
install)
    [ -n "$root" ] || check_python
    if [ -e "$manifest" ]; then
        cp "$manifest" "$written"
        uninstall_all "$written"
        : >"$written"
    fi
    mkdir -p "$root/"
    make_dir "$LIBDIR"
    note "$LIBDIR/manifest"
    cp "$written" "$manifest"
    chmod 644 "$manifest"
    list=$manifest
    install_all
    after_install
    ;;
uninstall)
    [ -e "$manifest" ] || die "$manifest is not there: nothing to uninstall" \
        'give the PREFIX (and DESTDIR) that it was installed with'
    ! live || { # one that was cut short may have left no units, but a netswapd that runs
        systemctl stop netswapd.service netswap-hooks.service || :
        systemctl disable netswapd.service netswap-hooks.service || :
    }
    cp "$manifest" "$written"
    uninstall_all "$written"
    ! live || systemctl daemon-reload
    [ -z "$(ls -A "$root$SYSCONFDIR" 2>/dev/null)" ] ||
        echo "Your configuration is kept: $root$SYSCONFDIR"
    [ ! -e "$root/var/lib/netswap" ] || echo "The history is kept: $root/var/lib/netswap"
    ;;
*) die "$1: not a command" 'use: make install, make uninstall' ;;
esac
