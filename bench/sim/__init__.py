"""The simulator: lines that lose packets in, netswap's own decisions out, much faster than life."""
