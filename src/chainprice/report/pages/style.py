"""How a page looks: light and dark, on a screen and on paper. Nothing of it comes from elsewhere."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#5a5a5a;--page:#fff;--line:#d5d9dd;--band:#f5f7f9;
--good:#00694b;--bad:#b00020;--warn:#fff6e0}
@media screen and (prefers-color-scheme:dark){:root{--ink:#eceff1;--soft:#a9b0b6;--page:#15171a;
--line:#363b40;--band:#1c1f23;--good:#5fd3ab;--bad:#ff7b8a;--warn:#33291a}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.5rem 3rem;max-width:76rem;font:16px/1.5 system-ui,sans-serif;
color:var(--ink);background:var(--page)}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem}
h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
p{margin:.4rem 0;max-width:46rem}
.soft,small,footer{color:var(--soft)}
small{display:block;font-weight:400;font-size:.88em}
dl{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:.8rem 0}
dt{font-size:.78rem;color:var(--soft)}
dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.2rem 0 .4rem}
th,td{padding:.3rem .75rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--soft);vertical-align:bottom;white-space:nowrap}
tbody tr:nth-child(even){background:var(--band)}
tbody th{font-weight:600}
.number{text-align:right;white-space:nowrap}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:700}
.warnings{background:var(--warn);border-left:4px solid #d98e00;padding:.6rem 1.2rem .6rem 2rem;margin:.6rem 0}
figure{margin:.8rem 0;overflow-x:auto}
math{font-size:1.05em}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.6rem;font-size:.82rem;
overflow-wrap:anywhere}
footer p{max-width:none}
@media print{
@page{margin:14mm}
body{padding:0;max-width:none;font-size:10pt}
h2{break-after:avoid}
tr,figure,.warnings{break-inside:avoid}
thead{display:table-header-group}
.wide,figure{overflow:visible}
table{font-size:8pt}
th,td{padding:.2rem .4rem}
figure svg{max-width:100%;height:auto}
}
""".strip()
