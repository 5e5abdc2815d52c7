#compdef netswapctl
# Completion of netswapctl for zsh, loaded at the first Tab. netswapctl knows it itself.
eval "$(netswapctl completion zsh)"
_netswapctl_completion "$@"
