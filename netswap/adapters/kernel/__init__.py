"""The kernel's own routes: reading them, and setting one ahead of NetworkManager."""
