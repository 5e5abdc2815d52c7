"""netswap-notify: tells the desktop of swaps, and takes what the user answers."""

import netswap.cli  # noqa: F401 - before asyncio: it keeps out what no program needs
