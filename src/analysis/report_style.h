// How a report looks.
#pragma once

namespace lockstep::analysis {

inline constexpr const char* kReportStyle = R"css(
:root{color-scheme:light dark;--ink:#1f2328;--soft:#5b636d;--line:#d9dde2;--ground:#ffffff;--panel:#f5f6f8}
@media(prefers-color-scheme:dark){:root{--ink:#d5dae0;--soft:#98a1ab;--line:#363c44;--ground:#14171a;--panel:#1d2126}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.55 system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,sans-serif}
main{max-width:1024px;margin:0 auto;padding:40px 32px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 6px;font-weight:650;overflow-wrap:anywhere}
h2{font-size:18px;margin:44px 0 14px;padding-bottom:6px;border-bottom:1px solid var(--line);font-weight:650}
p{margin:0 0 12px;max-width:75ch}
.headline{display:flex;flex-wrap:wrap;margin:24px 0 0;border:1px solid var(--line);border-radius:8px;background:var(--panel)}
.headline div{flex:1 1 auto;padding:12px 18px}
.headline dt{font-size:12px;color:var(--soft)}
.headline dd{margin:2px 0 0;font-size:19px;white-space:nowrap;font-weight:600;font-variant-numeric:tabular-nums}
figure{margin:0 0 32px}
figure .picture{overflow-x:auto}
figure svg,figure img{display:block;max-width:100%;height:auto}
figure img{image-rendering:pixelated}
figcaption{margin-top:8px;font-size:13px;line-height:1.5;color:var(--soft);max-width:95ch}
figcaption b{color:var(--ink);font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;width:100%}
th,td{text-align:left;padding:5px 16px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums}
td{overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;font-size:12.5px}
pre{margin:0 0 12px;padding:14px 16px;background:var(--panel);border:1px solid var(--line);border-radius:8px;overflow-x:auto;line-height:1.5}
summary{cursor:pointer;color:var(--soft);font-size:13px;margin-bottom:8px}
footer{margin-top:40px;font-size:13px;color:var(--soft);overflow-wrap:anywhere}
@media print{main{max-width:none;padding:0}figure,.headline{break-inside:avoid}pre{white-space:pre-wrap}}
)css";

}  // namespace lockstep::analysis
