"""netswap-notify: tells the desktop of swaps, and takes what the user answers."""
