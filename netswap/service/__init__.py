"""The service: what netswapd offers on the system bus as org.netswap1."""
