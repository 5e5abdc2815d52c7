"""netswap-hooks: runs the administrator's programs when another link becomes the active one."""

import netswap.cli  # noqa: F401 - before asyncio: it keeps out what no program needs
