"""The command line: netswapctl."""

import sys

if "asyncio" not in sys.modules:  # in a program of netswap's: nobody has asked for them yet
    # As in netswapd: asyncio would load TLS, which no command speaks, and dbus-next, where it is
    # installed, GLib for a main loop that is not used: together a seventh of what `status` takes.
    sys.modules["ssl"] = sys.modules["gi"] = None  # type: ignore[assignment]
