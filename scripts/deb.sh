#!/bin/sh
# `make deb`: builds the Debian package from the files that git knows, in build/deb, and has lintian
# look at it. Installs what that takes.
set -eu
cd "$(dirname "$0")/.."

out=build/deb
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' netswap/__init__.py)
tree=$out/netswap-$version

# Each line: a check, and the package that mends it.
missing_packages() {
    while read -r check package; do
        command -v "$check" >/dev/null || echo "$package"
    done <<EOT
dpkg-buildpackage dpkg-dev
dh debhelper
dh_python3 dh-python
lintian lintian
msgfmt gettext
pandoc pandoc
pkg-config pkgconf
EOT
}

# shellcheck disable=SC2046 # a list
scripts/setup.sh --need $(missing_packages)

rm -rf "$out"
mkdir -p "$tree"
git ls-files -z | xargs -0 cp -P --parents --target-directory="$tree"
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign)
lintian --fail-on error,warning,info "$out"/netswap_*.changes
echo "Built $(ls "$out"/*.deb)"
