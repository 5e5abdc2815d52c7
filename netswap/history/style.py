"""How the report looks: colours for light and dark, and the rest of its style sheet. Pure data."""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff", "panel": "#f4f6f8", "ink": "#16191d", "faint": "#525a63",
    "rule": "#d5dae0", "calm": "#b7d9cc", "warn": "#9a5700", "bad": "#c22f1d",
    "away": "#b9c0c8", "line": "#1f5fa8", "range": "#a9c8ec",
    "heat0": "#e3ede8", "heat1": "#f2c57c", "heat2": "#e58f3c", "heat3": "#cf4f22",
    "heat4": "#8c1410",
}  # fmt: skip
DARK = {
    "paper": "#12161b", "panel": "#1c2229", "ink": "#e9edf1", "faint": "#a5b0bb",
    "rule": "#343d47", "calm": "#2c4a40", "warn": "#f0b04c", "bad": "#f0694f",
    "away": "#4a5560", "line": "#7db8ff", "range": "#2c5587",
    "heat0": "#24332d", "heat1": "#7d5a1e", "heat2": "#b9731f", "heat3": "#e2622f",
    "heat4": "#ff9c8a",
}  # fmt: skip
"""Text (ink, faint) has a contrast of 4.5 and more on paper and panel (WCAG 2.1, 1.4.3)."""


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = (
    f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
@media(prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
"""
    + """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.45 system-ui,sans-serif}
main{max-width:1000px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 8px}
h2{font-size:1.2rem;margin:40px 0 10px;overflow-wrap:anywhere}
h3{font-size:1rem;margin:24px 0 6px}
p{margin:0 0 8px}
header p,footer p{color:var(--faint)}header b{color:var(--ink)}
.tiles{list-style:none;margin:20px 0 0;padding:0;display:grid;gap:12px;
grid-template-columns:repeat(auto-fit,minmax(165px,1fr))}
.tiles li{background:var(--panel);border-radius:8px;padding:12px 14px}
.tiles b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}
.tiles span{color:var(--faint);font-size:.875rem}
dl{display:grid;gap:8px 16px;margin:0;grid-template-columns:repeat(auto-fill,minmax(135px,1fr))}
dt{color:var(--faint);font-size:.8125rem}dd{margin:0;font-variant-numeric:tabular-nums}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 14px;margin:0 0 6px;padding:0;
color:var(--faint);font-size:.8125rem}
.legend svg{width:11px;height:11px;margin-right:5px;vertical-align:-1px}
.plot{position:relative;height:130px;padding-left:52px}
.plot svg{display:block;width:100%;height:100%;background:var(--panel)}
.plot.thin{height:34px}.plot.low{height:64px;margin-top:4px}.plot.heat svg{background:none}
.label{position:absolute;left:0;width:46px;text-align:right;transform:translateY(-50%);
font-size:.75rem;line-height:1;color:var(--faint);white-space:nowrap}
.ticks{position:relative;height:20px;margin-left:52px;font-size:.75rem;color:var(--faint);
overflow:hidden}
.ticks span{position:absolute;top:3px;white-space:nowrap;padding-left:3px;
border-left:1px solid var(--rule)}
.ticks.middle span{transform:translateX(-50%);border:0;padding:0}
.two{display:grid;gap:0 24px;grid-template-columns:repeat(auto-fit,minmax(280px,1fr))}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--faint);font-weight:600}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);white-space:nowrap}
td:nth-child(4){white-space:normal;min-width:160px;overflow-wrap:anywhere}
footer{margin-top:32px;font-size:.8125rem}
path{fill:none}
.preferred,.up{fill:var(--calm)}.backup,.degraded{fill:var(--warn)}
.offline,.out,.loss{fill:var(--bad)}.away{fill:var(--away)}.starting,.unknown{fill:var(--rule)}
.out{opacity:.55}
.range{fill:var(--range)}.count{fill:var(--line)}
.median{stroke:var(--line);stroke-width:1.6;vector-effect:non-scaling-stroke;
stroke-linejoin:round}.median.key{fill:var(--line)}
.grid{stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
.heat0{fill:var(--heat0)}.heat1{fill:var(--heat1)}.heat2{fill:var(--heat2)}
.heat3{fill:var(--heat3)}.heat4{fill:var(--heat4)}
@media(max-width:520px){.ticks span:nth-child(even){display:none}
.ticks.middle span:nth-child(even){display:inline}main{padding:16px 12px 32px}}
@media print{body{font-size:12px}section{break-inside:avoid}}
"""
)
