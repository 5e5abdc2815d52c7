#!/bin/sh
# `make pictures`: draws docs/pictures anew, from a lab and on a virtual display. Installs what that takes.
set -eu
cd "$(dirname "$0")/.."

# Each line: a check, and the package that mends it.
missing_packages() {
    while read -r check package; do
        command -v "$check" >/dev/null || echo "$package"
    done <<EOT
dunst dunst
Xvfb xvfb
import imagemagick
EOT
}

# shellcheck disable=SC2046 # a list
scripts/setup.sh --need $(missing_packages)
.venv/bin/python -m tests.lab.pictures
