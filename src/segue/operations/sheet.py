"""One sheet of HTML that needs nothing else: no script, no font, no address. What all pages of operations look like.

Light and dark, wide and narrow, on paper too. Its variables are those of `plots`. Pure: values in, HTML out.
"""

from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:#1c2226;--soft:#5a666e;--paper:#fbfcfc;--card:#fff;--line:#d9dfe3;--a:#0b7285;
--b:#c2410c;--c:#6741d9;--d:#5f8a0b;--e:#a61e4d;--good:#1f7a3d;--warn:#8a5a00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebee;--soft:#9aa8b1;--paper:#12171a;--card:#1a2125;--line:#333d44;
--a:#3bc9db;--b:#ff9f5a;--c:#b197fc;--d:#a9d34b;--e:#faa2c1;--good:#69db7c;--warn:#f2c14e;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:66rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.2rem 0 .7rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
p{margin:.3rem 0;overflow-wrap:anywhere}ul{padding-left:1.2rem}li{margin:.25rem 0;overflow-wrap:anywhere}
.soft,caption,th,figcaption{color:var(--soft)}
.pass{color:var(--good)}.warn{color:var(--warn)}.fail,.no_data{color:var(--bad)}.not_measured{color:var(--soft)}
.wide{overflow-x:auto}.wide+.wide{margin-top:1.25rem}.wide+p{margin-top:1rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}caption{text-align:left;padding:.4rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600}td{overflow-wrap:anywhere}code{font:.85em ui-monospace,monospace}
figure{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem;margin:1.25rem 0}
svg{display:block;width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:var(--soft)}
svg .ink{fill:var(--ink)}
@media(max-width:40rem){main{padding:1.25rem .9rem 3rem}}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}tr,figure{break-inside:avoid}}
"""


def sheet(title: str, body: str, style: str = "") -> str:
    """The whole file around a body of HTML; `style` is what a page needs beside what all have."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n<body><main>{body}</main></body></html>\n"
    )
