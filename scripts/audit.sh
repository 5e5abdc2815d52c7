#!/bin/sh
# Asks PyPI's advisory service about every package in scripts/versions.txt (pip-audit).
#
# What it could not ask about counts as not audited: pip-audit itself says that nothing was found and
# ends with 0 then. Debian looks after what it ships; this is about what is developed and tested with.
set -u

cd "$(dirname "$0")/.." || exit
versions=scripts/versions.txt
result=$(mktemp)
trap 'rm -f "$result"' EXIT

.venv/bin/python -m pip_audit --requirement $versions --no-deps --disable-pip \
    --progress-spinner off --timeout 15 >"$result" 2>&1
status=$?
all=$(grep -c '==' $versions)
skipped=$(grep -c 'could not be audited' "$result")
if grep -q -e ConnectionError -e ServiceError "$result" || [ "$skipped" = "$all" ]; then
    echo 'not audited: the advisory service of PyPI cannot be asked from here' >&2
    echo 'hint: run it where PyPI itself can be reached, not only a mirror' >&2
    exit 3
fi
cat "$result"
if [ $status = 0 ] && [ "$skipped" != 0 ]; then
    echo "not audited: $skipped of $all packages, see above" >&2
    exit 3
fi
exit $status
