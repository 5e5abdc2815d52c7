"""The command line: netswapctl."""
