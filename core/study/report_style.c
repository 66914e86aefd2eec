/* Style of report.html: one column that a phone shows without zooming, in the light or dark of the reader's system.
 * The colours of figures are those of figure.c; black is the text's colour, white the page's. */
#include "study/report_style.h"

const char orr_report_style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b1f24;--page:#fff;--soft:#5a6472;--line:#d5dae1;--box:#f4f6f8;--grid:#d0d0d0;"
    "--yes:#00664b;--no:#a63c00;--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#cc79a7;--c5:#e69f00;--c6:#56b4e9;"
    "--grey:#808080}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--page:#14171b;--soft:#a3adba;--line:#39414b;--box:#1e2329;"
    "--grid:#3a4048;--yes:#35c79c;--no:#ff9a5c;--c1:#4aa8e6;--c2:#ff8a3d;--c3:#2cc79b;--c4:#e3a0c4;--c5:#f0b93a;"
    "--c6:#9ad4f5;--grey:#9a9a9a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;"
    "-webkit-text-size-adjust:100%;overflow-wrap:break-word}\n"
    "main{max-width:76rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:clamp(1.25rem,4.5vw,1.6rem);line-height:1.2;margin:.5rem 0}h2{font-size:1.3rem;margin:2.2rem 0 .6rem;"
    "border-bottom:1px solid var(--line)}h3{font-size:1.05rem;margin:1.5rem 0 .4rem}h4{font-size:1rem;margin:1rem 0 "
    ".3rem}\n"
    "p,li{max-width:46rem}small{color:var(--soft)}a{color:var(--c1)}\n"
    ".notice{border-left:4px solid var(--no);background:var(--box);padding:.6rem 1rem;margin:1rem 0}"
    ".notice ul{margin:.3rem 0;padding-left:1.2rem}\n"
    "dl{display:grid;grid-template-columns:minmax(6rem,auto) 1fr;gap:.2rem 1rem;margin:.5rem 0}"
    "dt{color:var(--soft)}dd{margin:0;min-width:0;overflow-wrap:anywhere}\n"
    ".claims{list-style:none;padding:0;display:grid;gap:.6rem "
    "2rem;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr))}.claims li{border-left:3px solid "
    "var(--line);padding:.1rem 0 .1rem .7rem;"
    "}.verdict{font-size:.8rem;color:var(--soft);text-transform:uppercase;letter-spacing:.03em}"
    ".may{border-color:var(--c1)!important}.may .verdict{color:var(--c1)}.yes{border-color:var(--yes)!important}.yes "
    ".verdict{color:var(--yes)}.no{border-color:var(--no)!important}"
    ".no .verdict{color:var(--no)}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:1.5rem}\n"
    "figure{margin:0;min-width:0}figure svg{display:block;width:100%;height:auto;max-width:36rem}"
    "figcaption{font-size:.9rem}figcaption small{display:block;overflow-wrap:anywhere}.missing{background:var(--box);"
    "padding:1rem}\n"
    ".scroll{overflow-x:auto;max-width:100%}table{border-collapse:collapse;font-size:.88rem;"
    "font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem .25rem 0;text-align:left;white-space:nowrap;"
    "border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}.number{text-align:right}\n"
    "pre{background:var(--box);padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}"
    "summary{cursor:pointer;font-weight:600;margin:1rem 0}\n"
    "svg [color=\"black\"]{color:var(--ink)}svg [stroke=\"black\"]{stroke:var(--ink)}svg "
    "[fill=\"black\"]{fill:var(--ink)}"
    "svg [fill=\"#ffffff\"],svg [fill=\"#FFFFFF\"]{fill:none}svg [color=\"#FFFFFF\"]{display:none}\n"
#define ORR_COLOUR(rgb, name)                                                                                          \
    "svg [stroke=\"" rgb "\"]{stroke:var(--" name ")}svg [fill=\"" rgb "\"]{fill:var(--" name ")}svg [color=\"" rgb    \
    "\"]{color:var(--" name ")}\n"
    ORR_COLOUR("rgb(  0, 114, 178)", "c1") ORR_COLOUR("rgb(213,  94,   0)", "c2") ORR_COLOUR("rgb(  0, 158, 115)", "c3")
        ORR_COLOUR("rgb(204, 121, 167)", "c4") ORR_COLOUR("rgb(230, 159,   0)", "c5")
            ORR_COLOUR("rgb( 86, 180, 233)", "c6") ORR_COLOUR("rgb(  0,   0,   0)", "ink")
                ORR_COLOUR("rgb(128, 128, 128)", "grey") ORR_COLOUR("rgb(208, 208, 208)", "grid");
