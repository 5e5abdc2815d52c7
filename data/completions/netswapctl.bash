# Completion of netswapctl for bash, loaded at the first Tab. netswapctl knows it itself.
eval "$(netswapctl completion bash)"
