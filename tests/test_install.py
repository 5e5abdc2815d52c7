"""What `make install` installs, that it runs, and that `make uninstall` leaves nothing of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXPOSURE = 1.7
"""The highest exposure level allowed for the unit (systemd-analyze(1), security)."""

FILES = {
    "etc/netswap/": 0o755,
    "etc/netswap/hooks.d/": 0o755,
    "etc/xdg/autostart/netswap-notify.desktop": 0o644,
    "usr/bin/netswapctl": 0o755,
    "usr/bin/netswap-notify": 0o755,
    "usr/sbin/netswapd": 0o755,
    "usr/sbin/netswap-hooks": 0o755,
    "usr/lib/netswap/manifest": 0o644,
    "usr/lib/netswap/netswap/locale/de/LC_MESSAGES/netswap.mo": 0o644,
    "usr/lib/systemd/user/netswap-notify.service": 0o644,
    "usr/lib/systemd/system/netswapd.service": 0o644,
    "usr/lib/systemd/system/netswap-hooks.service": 0o644,
    "usr/lib/sysusers.d/netswap.conf": 0o644,
    "usr/lib/NetworkManager/dispatcher.d/no-wait.d/90-netswap": 0o755,
    "usr/share/dbus-1/system.d/org.netswap1.conf": 0o644,
    "usr/share/dbus-1/interfaces/org.netswap1.xml": 0o644,
    "usr/share/polkit-1/actions/org.netswap1.policy": 0o644,
    "usr/share/polkit-1/rules.d/50-netswap.rules": 0o644,
    "usr/share/man/man1/netswapctl.1": 0o644,
    "usr/share/man/man1/netswap-notify.1": 0o644,
    "usr/share/man/man5/netswap.toml.5": 0o644,
    "usr/share/man/man8/netswapd.8": 0o644,
    "usr/share/man/man8/netswap-hooks.8": 0o644,
    "usr/share/doc/netswap/examples/netswap.toml": 0o644,
    "usr/share/bash-completion/completions/netswapctl": 0o644,
    "usr/share/zsh/site-functions/_netswapctl": 0o644,
    "usr/share/fish/vendor_completions.d/netswapctl.fish": 0o644,
}
EXAMPLES = {
    f"usr/share/doc/netswap/examples/{path.relative_to(ROOT / 'contrib')}": (
        0o755 if path.read_bytes().startswith(b"#!") else 0o644
    )
    for path in (ROOT / "contrib").rglob("*")
    if path.is_file()
}
LINKS = {
    "usr/lib/NetworkManager/dispatcher.d/90-netswap": "no-wait.d/90-netswap",
    "usr/lib/NetworkManager/dispatcher.d/pre-up.d/90-netswap": "../no-wait.d/90-netswap",
}
SYSTEM = {
    "DBUSPOLICYDIR": "share/dbus-1/system.d",
    "POLKITACTIONDIR": "share/polkit-1/actions",
    "POLKITRULESDIR": "share/polkit-1/rules.d",
    "DISPATCHERDIR": "lib/NetworkManager/dispatcher.d",
    "AUTOSTARTDIR": "etc/xdg/autostart",
    "SYSCONFDIR": "etc/netswap",
    "UNITPREFIX": ".",
}
"""What does not follow PREFIX."""

INHERITED = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "DESTDIR"}
"""What a make that runs this test would hand on."""


def make(*arguments: str, status: int = 0) -> str:
    """Run make quietly; return what it prints."""
    env = {name: value for name, value in os.environ.items() if name not in INHERITED}
    done = subprocess.run(
        ["make", "-s", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == (status != 0), output
    return output


def tree(top: Path) -> dict[str, tuple[int, str]]:
    """Describe everything below a directory: mode, and where a link leads or what a file holds."""
    found = {}
    for path in sorted(top.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[str(path.relative_to(top))] = (0, f"-> {path.readlink()}")
        elif path.is_dir():
            found[f"{path.relative_to(top)}/"] = (mode, "")
        else:
            found[str(path.relative_to(top))] = (mode, path.read_text(errors="replace"))
    return found


def in_use(prefix: Path) -> list[str]:
    """Return the variables that install below a directory as if it were the system.

    DESTDIR is there, so that nothing else of the system is touched, and leads nowhere else.
    """
    system = [f"{name}={prefix}/{where}" for name, where in SYSTEM.items()]
    return [f"PREFIX={prefix}", "DESTDIR=/", f"PYTHON3={sys.executable}", *system]


def test_every_file_is_there_with_its_mode(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    found = tree(tmp_path)
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "netswap").rglob("*.py")}
    package = {f"usr/lib/netswap/{name}" for name in modules - {"netswap/manual.py"}}
    files = {name for name, (_, text) in found.items() if not name.endswith("/")}
    wanted = {name for name in FILES if not name.endswith("/")} | set(LINKS) | package
    assert files == wanted | set(EXAMPLES)
    assert {name: found[name][0] for name in EXAMPLES} == EXAMPLES
    assert {name: found[name][0] for name in FILES} == FILES
    assert {name: found[name][1] for name in LINKS} == {n: f"-> {to}" for n, to in LINKS.items()}
    assert {found[name][0] for name in package} == {0o644}
    assert {mode for name, (mode, _) in found.items() if name.endswith("/")} == {0o755}
    assert not [name for name, (_, text) in found.items() if re.search(r"@[A-Z]+3?@", text)]


def test_units_are_where_systemd_looks_whatever_the_prefix(tmp_path: Path) -> None:
    """Or it could neither be started nor, as `systemctl disable` would fail, uninstalled."""
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/netswap")
    systemd = tmp_path / "usr/local/lib/systemd"
    assert {str(path.relative_to(systemd)) for path in systemd.rglob("*.service")} == {
        "system/netswapd.service",
        "system/netswap-hooks.service",
        "user/netswap-notify.service",
    }
    assert (tmp_path / "opt/netswap/sbin/netswapd").exists()


def test_links_lead_to_the_hook(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    hook = (ROOT / "dispatcher.d/90-netswap").read_text()
    assert {(tmp_path / name).read_text() for name in LINKS} == {hook}


def test_uninstall_leaves_nothing_and_takes_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "usr/share/polkit-1/rules.d").mkdir(parents=True)
    (tmp_path / "usr/lib/NetworkManager/dispatcher.d").mkdir(parents=True)
    (tmp_path / "usr/share/man/man1").mkdir(parents=True)
    (tmp_path / "usr/share/man/man1/other.1").write_text("of somebody else\n")
    before = tree(tmp_path)
    make("install", f"DESTDIR={tmp_path}")
    (tmp_path / "usr/local/lib/netswap/netswap/__pycache__").mkdir()
    make("uninstall", f"DESTDIR={tmp_path}")
    assert tree(tmp_path) == before


def test_installing_again_leaves_nothing_of_the_old_version(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}")
    first = tree(tmp_path)
    library = tmp_path / "usr/local/lib/netswap"
    (library / "netswap/gone.py").write_text("")
    with (library / "manifest").open("a") as manifest:
        manifest.write("/usr/local/share/gone/\n/usr/local/share/gone/file\n")
    (tmp_path / "usr/local/share/gone").mkdir()
    (tmp_path / "usr/local/share/gone/file").write_text("")
    make("install", f"DESTDIR={tmp_path}")
    assert tree(tmp_path) == first


def test_uninstall_keeps_the_configuration_and_says_so(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}")
    config = tmp_path / "etc/netswap/netswap.toml"
    config.write_text("[probe]\n")
    assert str(config.parent) in make("uninstall", f"DESTDIR={tmp_path}")
    assert set(tree(tmp_path)) == {"etc/", "etc/netswap/", "etc/netswap/netswap.toml"}


def test_uninstall_without_an_installation_says_so(tmp_path: Path) -> None:
    said = make("uninstall", f"DESTDIR={tmp_path}", status=1)
    assert "nothing to uninstall" in said
    assert "hint: " in said


@pytest.mark.parametrize(
    "program", ["sbin/netswapd", "sbin/netswap-hooks", "bin/netswapctl", "bin/netswap-notify"]
)
def test_what_is_installed_runs(tmp_path: Path, program: str) -> None:
    make("install", *in_use(tmp_path))
    elsewhere = {"PATH": os.defpath, "PYTHONPATH": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [tmp_path / program, "--version"],
        cwd="/",
        env=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert done.stdout == f"{Path(program).name}, version {version}\n", done.stderr


def test_what_is_installed_finds_its_translations(tmp_path: Path) -> None:
    make("install", *in_use(tmp_path))
    library = tmp_path / "lib/netswap"
    script = "from netswap.notify.words import *; print(catalogue(['de']).gettext('Online again'))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=library, capture_output=True, text=True, check=False
    )
    assert done.stdout == "Wieder online\n", done.stderr


def test_bash_completes_the_commands(tmp_path: Path) -> None:
    make("install", *in_use(tmp_path))
    script = f"""
        PATH={tmp_path}/bin:$PATH
        . {tmp_path}/share/bash-completion/completions/netswapctl
        COMP_WORDS=(netswapctl stat) COMP_CWORD=1
        _netswapctl_completion netswapctl
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "status\n", done.stderr


def test_missing_modules_are_named_with_their_packages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    variables = [v for v in in_use(tmp_path / "to") if not v.startswith(("DESTDIR", "PYTHON3"))]
    said = make("install", *variables, f"PYTHON3={tmp_path}/venv/bin/python", status=1)
    assert "apt install " + " ".join(sorted(packages())) in said
    assert not (tmp_path / "to").exists()


def packages() -> set[str]:
    """Name Debian's packages of what pyproject.toml says is needed at run time."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {"python3-nftables"} | {f"python3-{re.split('[<>=]', name)[0]}" for name in wanted}


def test_the_debian_package_depends_on_what_is_imported() -> None:
    control = (ROOT / "debian/control").read_text()
    depends = control.split("\nDepends: ")[1].split("\nSuggests:")[0]
    assert set(re.findall(r"\bpython3-[a-z-]+", depends)) == packages()


def test_the_debian_package_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changelog = (ROOT / "debian/changelog").read_text()
    assert changelog.startswith(f"netswap ({project['version']}) ")


def test_the_unit_is_as_closed_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # which the check of a user's unit wants
    make("install", *in_use(tmp_path))
    unit = tmp_path / "lib/systemd/system/netswapd.service"
    hooks = tmp_path / "lib/systemd/system/netswap-hooks.service"
    notify = tmp_path / "lib/systemd/user/netswap-notify.service"
    analyze("verify", "--man=no", str(unit), str(hooks))
    analyze("verify", "--man=no", "--user", str(notify))
    analyze("security", "--offline=true", f"--threshold={EXPOSURE * 10:g}", str(unit))


def analyze(*arguments: str) -> None:
    """Run systemd-analyze(1), which must find nothing to say against it."""
    if shutil.which("systemd-analyze") is None:
        pytest.fail("no systemd-analyze\nhint: make setup installs it", pytrace=False)
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("name", ["org.netswap1.conf", "org.netswap1.policy", "org.netswap1.xml"])
def test_xml_is_well_formed(name: str) -> None:
    ElementTree.parse(ROOT / "data" / name)


def test_the_daemon_may_ask_polkit_about_others() -> None:
    """polkit refuses that to all but root and the action's owner."""
    action = ElementTree.parse(ROOT / "data/org.netswap1.policy").getroot().find("action")
    assert action is not None
    assert action.get("id") == "org.netswap1.control"
    assert action.findtext("annotate") == "unix-user:netswap"


@pytest.mark.parametrize("update", [False, True], ids=["the first one", "an update"])
def test_what_was_cut_short_can_be_done_again_and_taken_away(tmp_path: Path, update: bool) -> None:
    """As a full disk or Ctrl-C does; here a file stands where the folder of the man pages goes."""
    where = [f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    if update:
        make("install", *where)
        shutil.rmtree(tmp_path / "usr/share/man")
    obstacle = tmp_path / "usr/share/man"
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.touch()
    make("install", *where, status=2)
    obstacle.unlink()
    make("install", *where)
    make("install", *where)
    make("uninstall", *where)
    assert not [path for path in tmp_path.rglob("*") if not path.is_dir()]


def test_uninstall_takes_away_what_was_cut_short(tmp_path: Path) -> None:
    where = [f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    (tmp_path / "usr/share").mkdir(parents=True)
    (tmp_path / "usr/share/man").touch()
    make("install", *where, status=2)
    make("uninstall", *where)
    assert tree(tmp_path).keys() == {"usr/", "usr/share/", "usr/share/man"}


@pytest.mark.parametrize(
    ("ignored", "status", "err"), [(False, -signal.SIGINT, ""), (True, 0, "loaded\n")]
)
def test_ctrl_c_while_a_program_is_loaded_ends_it_unless_it_is_ignored(
    tmp_path: Path, ignored: bool, status: int, err: str
) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, signal, sys\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "def main(): print('loaded', file=sys.stderr)\n"
    )
    text = (ROOT / "data/launcher.in").read_text()
    for name, value in {"PYTHON3": sys.executable, "LIBDIR": tmp_path, "MODULE": "slow"}.items():
        text = text.replace(f"@{name}@", str(value))
    (launcher := tmp_path / "launcher").write_text(text)
    launcher.chmod(0o755)
    script = "trap '' INT; exec \"$0\"" if ignored else 'exec "$0"'
    done = subprocess.run(
        ["sh", "-c", script, launcher], check=False, stderr=subprocess.PIPE, text=True
    )
    assert (done.returncode, done.stderr) == (status, err)
