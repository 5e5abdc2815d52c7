"""NetworkManager, over its D-Bus API (man 7 nm-dbus-types; versions from 1.42 on)."""
