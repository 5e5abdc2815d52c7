#!/bin/bash
# What most write who have two ways to the internet: ping by the better one, use the other after three losses.
better=cable0 better_gateway=10.1.0.1
other=tether0 other_gateway=10.2.0.1
target=198.51.100.1
lost=0

while sleep 1; do
    if ping -c1 -W1 -I "$better" "$target" >/dev/null 2>&1; then
        ((lost < 3)) || ip route replace default via "$better_gateway" dev "$better"
        lost=0
    elif ((++lost == 3)); then
        ip route replace default via "$other_gateway" dev "$other"
    fi
done
