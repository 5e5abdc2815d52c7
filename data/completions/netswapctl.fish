# Completion of netswapctl for fish, loaded at the first Tab. netswapctl knows it itself.
netswapctl completion fish | source
