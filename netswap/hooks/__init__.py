"""netswap-hooks: runs the administrator's programs when another link becomes the active one."""
