#!/bin/sh
# For Argos (GNOME) or BitBar's other heirs: copy it to ~/.config/argos, keep it executable.
# The number in its name says how often it runs.

# A | would begin Argos's own parameters.
say() { # TEMPLATE PARAMETERS
    netswapctl status --template "$1" | tr '|' '/' | sed "s/\$/ | useMarkup=false $2/"
}

say '{summary}'
echo ---
say '{link} since {since}: {reason}'
say '{links}'
echo ---
echo 'Choose automatically | bash="netswapctl auto" terminal=false refresh=true'
echo 'Pause for half an hour | bash="netswapctl pause --for 30m" terminal=false refresh=true'
echo 'Watch | bash="netswapctl watch"'
