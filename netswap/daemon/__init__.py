"""The composition root: the only place where core and adapters meet."""

import sys

if "asyncio" not in sys.modules:  # in netswapd itself: nobody has asked for them yet
    # netswapd speaks TLS with nobody. asyncio does without it, as where Python was built without:
    # 1.8 MB of memory less, and one library less in a process that has capabilities. Where GLib is
    # installed, dbus-next would load it for a main loop that is not used: 3 MB.
    sys.modules["ssl"] = sys.modules["gi"] = None  # type: ignore[assignment]
