"""The laptop's services: a system bus of its own, NetworkManager, the dispatcher of its hooks."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from signal import SIGHUP, SIGTERM

from tests.lab import resolving
from tests.lab.commands import CommandFailedError, Commands, wait_until
from tests.lab.spec import TARGETS, LabSpec, LinkSpec

BUS_SOCKET = Path("/run/dbus/system_bus_socket")
BUS_ADDRESS = f"unix:path={BUS_SOCKET}"
BUS_CONFIG = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_type="method_call"/>
    <allow send_type="signal"/> <allow send_requested_reply="true"/>
    <allow receive_type="method_call"/> <allow receive_type="signal"/>
    <allow receive_type="method_return"/> <allow receive_type="error"/>
    <allow send_destination="*" eavesdrop="false"/>
  </policy>
{more}</busconfig>
"""
NO_REAPPLY = """\
  <policy context="mandatory">
    <deny send_interface="org.freedesktop.NetworkManager.Device" send_member="Reapply"/>
  </policy>
"""

NM = "NetworkManager"
DISPATCHER = "nm-dispatcher"
DISPATCHER_PATHS = (
    Path("/usr/lib/NetworkManager/nm-dispatcher"),
    Path("/usr/libexec/nm-dispatcher"),
)

NM_CONFIG = """
[main]
plugins=keyfile
dhcp=internal
{dns}no-auto-default=*
hostname-mode=none
auth-polkit=false

[keyfile]
# As udev's rules have it for the devices of containers (85-nm-unmanaged.rules).
unmanaged-devices=interface-name:guest*;interface-name:docker*

[device]
# NetworkManager leaves veth devices alone unless told so. A tunnel that somebody else made must be
# left alone: managed by force it loses its address now and then.
match-device=*;except:interface-name:tun*
managed=1
"""


def nm_config(spec: LabSpec) -> str:
    """Return the NetworkManager.conf of a lab, see NetworkManager.conf(5)."""
    config = NM_CONFIG.format(dns=resolving.nm_lines(spec.dns))
    if spec.connectivity_check_s is None:
        return config + "\n[connectivity]\nenabled=false\n"
    return (
        f"{config}\n[connectivity]\nuri=http://{TARGETS[0]}/nm-check\n"
        f"interval={spec.connectivity_check_s}\n"
    )


def profile(link: LinkSpec) -> str:
    """Return a link's profile, see nm-settings-keyfile(5)."""
    metric = f"route-metric={link.metric}" if link.metric is not None else ""
    timeout = f"dhcp-timeout={link.dhcp_timeout_s}" if link.dhcp_timeout_s is not None else ""
    return f"""
[connection]
id={link.name}
uuid={uuid.uuid5(uuid.NAMESPACE_DNS, link.name)}
type=ethernet
interface-name={link.name}
autoconnect={str(link.autoconnect).lower()}
metered={1 if link.metered else 2}

[ipv4]
method=auto
{metric}
{timeout}

[ipv6]
method={"auto" if link.ipv6 else "disabled"}
{metric}
"""


class Services:
    """Starts, stops and restarts the laptop's services."""

    def __init__(self, commands: Commands, spec: LabSpec) -> None:
        self._commands = commands
        self._spec = spec
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = BUS_ADDRESS

    def start(self) -> None:
        """Write the configuration, then start everything in order."""
        etc = Path("/etc/NetworkManager")
        etc.joinpath("NetworkManager.conf").write_text(nm_config(self._spec))
        for directory in ("dispatcher.d", "dispatcher.d/pre-up.d", "dispatcher.d/pre-down.d"):
            etc.joinpath(directory).mkdir()
        connections = etc / "system-connections"
        connections.mkdir()
        for link in self._spec.links:
            keyfile = connections / f"{link.name}.nmconnection"
            keyfile.write_text(profile(link))
            keyfile.chmod(0o600)  # NetworkManager ignores what others may read
        self.start_bus()
        resolving.prepare(self._spec.dns, self._commands)
        if self._spec.dispatcher:
            self.start_dispatcher()
        self.start_nm()

    def start_bus(self) -> None:
        """Start the system bus and wait for its socket."""
        BUS_SOCKET.parent.mkdir(exist_ok=True)
        config = Path("/run/lab/bus.conf")
        config.write_text(BUS_CONFIG.format(address=BUS_ADDRESS, more=""))
        self._commands.start(
            "bus", "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"
        )
        wait_until(BUS_SOCKET.exists, 10, "the bus has a socket")

    def refuse(self, *, reapply: bool) -> None:
        """Let the bus refuse every Reapply from now on, or none any more (dbus-daemon(1))."""
        more = NO_REAPPLY if reapply else ""
        Path("/run/lab/bus.conf").write_text(BUS_CONFIG.format(address=BUS_ADDRESS, more=more))
        self._commands.services["bus"].send_signal(SIGHUP)

    def stop_bus(self) -> None:
        """End the system bus."""
        self._commands.stop("bus", SIGTERM)
        BUS_SOCKET.unlink(missing_ok=True)

    def start_dispatcher(self) -> None:
        """Start the service which runs the hooks; this bus starts no services by itself."""
        path = next((path for path in DISPATCHER_PATHS if path.exists()), None)
        if path is None:
            raise FileNotFoundError(f"no nm-dispatcher in {DISPATCHER_PATHS}")
        self._commands.start(DISPATCHER, str(path), "--persist")

    def start_nm(self) -> None:
        """Start NetworkManager and wait until it answers.

        `--debug`: in the foreground, logging to stderr.
        """
        self._commands.start(
            NM, NM, "--debug", f"--log-level={self._spec.nm_log_level}", "--log-domains=ALL"
        )
        wait_until(self.nm_answers, 20, "NetworkManager answers")

    def nm_answers(self) -> bool:
        """Tell whether NetworkManager is on the bus and has read its profiles."""
        try:
            return self._commands.sh("nmcli", "-t", "-f", "STARTUP", "general").strip() != ""
        except CommandFailedError:
            return False

    def signal_nm(self, signal: int) -> None:
        """Send NetworkManager a signal, without waiting for anything."""
        self._commands.services[NM].send_signal(signal)

    def stop_nm(self, signal: int = SIGTERM) -> None:
        """End NetworkManager; what it configured stays."""
        self._commands.stop(NM, signal)
