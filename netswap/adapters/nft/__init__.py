"""The guard on standby links: nftables."""
