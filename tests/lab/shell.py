"""A shell in a lab: `python -m tests.lab.shell`, or `… -c COMMAND` for one command.

Nothing is left when it ends, and nothing done in it reaches the host.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.lab import sandbox
from tests.lab.lab import Lab
from tests.lab.spec import TARGETS
from tests.lab.trouble import ACTIONS, usage

RC = Path("/run/lab/bashrc")

GREETING = f"""\
A laptop with two links, cable0 and tether0 (metered), real NetworkManager and nftables.
The internet is {" and ".join(TARGETS)}. Nothing here reaches the host; all is gone on exit.

  {{actions}}
  netswapd, netswapctl       the daemon (netswapd & puts it behind the shell) and its client
  nmcli, ip, nft, ping, ss   as on any laptop; `ip netns exec isp-cable0 …` looks at the other side
  logs                       what everything logs, as it comes (/run/lab/log)
"""


def bashrc() -> str:
    """Return what the shell starts with: functions, so that scripts keep the real `cut`."""
    python, tools = shlex.quote(sys.executable), shlex.quote(str(Path(sys.executable).parent))
    lines = [
        "unset BASH_ENV",
        "PS1='(lab) '",
        f"PATH={tools}:$PATH",
        "HISTFILE=",
        "logs() { tail -n 3 -F /run/lab/log/*.log; }",
    ]
    lines += [f'{act}() {{ {python} -m tests.lab.trouble {act} "$@"; }}' for act in ACTIONS]
    return "\n".join(lines) + "\n"


def greeting() -> str:
    """Return the lines that tell a newcomer what is here."""
    actions = "\n  ".join(f"{usage(action):<26} {does}" for action, does in ACTIONS.items())
    return GREETING.format(actions=actions)


def inside(arguments: list[str]) -> int:
    """Build the lab and run bash on its laptop; return the exit status."""
    with Lab():
        RC.write_text(bashrc())
        if arguments:
            environment = {**os.environ, "BASH_ENV": str(RC)}
            return subprocess.run(["bash", *arguments], env=environment, check=False).returncode
        print(greeting())
        subprocess.run(["bash", "--rcfile", str(RC), "-i"], check=False)
        return 0  # whatever came of the last thing that was typed


def main(arguments: list[str]) -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    if arguments and (arguments[0] != "-c" or len(arguments) < 2):
        print("usage: python -m tests.lab.shell [-c COMMAND]", file=sys.stderr)
        return 2
    if sandbox.is_inside():
        return inside(arguments)
    return sandbox.enter([sys.executable, "-m", "tests.lab.shell", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
