"""The lint checks can fail: each is run on a small tree without fault, then on that tree with one planted fault."""
import os
import sys
import tempfile

import exported_symbols
import file_length
import forbidden_calls
import forbidden_words
import header_comments
import includes
import listed_in_meson
import operations
import pictures
import top_level

CLEAN = {
    "README.md": "`core` `include` `backends` `plugins` `tests` `docs` `README.md` ![a](docs/figures/a.svg)",
    "docs/figures/a.svg": "<svg><desc>Produced by GNUPLOT 0.0 patchlevel 0 </desc></svg>\n",
    "docs/figures/a.gp": "set print '-'\nprint 'a picture'\n",
    "docs/figures/a.dat": "1 2\n",
    "include/orrery/plugin.h": "#include <stdint.h>\n/* One sentence. */\nint orr_plugin_query(int host);\n",
    "include/orrery/ops.def": 'ORR_OP( 1, FILL, "fill", 0, 1, PRIM, 0x0, EXACT)\nORR_OP(2,MAX,"max",1,1,PRIM,0,EXACT)\n',
    "core/meson.build": "files('graph/rules.c', 'base/error.c', 'cli/orrery.c')\n",
    "core/base/error.h": "/* Says what failed. */\nint orr_fail(int code); /* never returns 0 */\n",
    "core/base/error.c": '#include "base/error.h"\n/* abort() is not called */ const char *t = "exit(1)";\n',
    "core/graph/rules.c": '#include "base/error.h"\n#include "graph/rules.def"\n#include "orrery/plugin.h"\n',
    "core/graph/rules.def": "ORR_RULE(FILL, any)\nORR_RULE(MAX, reduction)\n",
    "core/cli/orrery.c": '#include "graph/rules.def"\nint main(void) { printf("1\\n"); }\n',
    "backends/reference/meson.build": "shared_module('orrery-backend-reference', 'kernels.c')\n",
    "backends/reference/kernels.h": "\n",
    "backends/reference/kernels.c": '#include "kernels.h"\n#include "orrery/plugin.h"\nROW(FILL, 1) ROW(MAX, 2)\n',
    "tests/meson.build": "c_tests = {'unit/graph': {}}\n",
    "tests/unit/test_graph.c": 'int main(void) { return orr_max(1) + parse("fill"); }\n',
}

# (check, file, its text or None to leave it out, words that a finding must hold)
PLANTED = [
    (file_length, "core/base/error.c", "\n" * 601, "601 lines"),
    (includes, "core/base/error.c", '#include "graph/graph.h"\n', "up"),
    (includes, "core/graph/rules.c", '#include "data/dataset.h"\n', "sideways"),
    (includes, "core/base/error.c", '#include "error.h"\n', "from core/"),
    (includes, "core/base/error.c", '#  include   "cli/orrery.h"\n', "up"),
    (includes, "backends/reference/kernels.c", '#include "base/error.h"\n', "neither"),
    (includes, "backends/reference/kernels.c", '#include "../../core/base/error.h"\n', "neither"),
    (includes, "backends/reference/kernels.c", '#include "kernels/params.h"\n', "neither"),
    (includes, "backends/reference/kernels.c", "#include <orrery/plugin.h>\n", "quotes"),
    (includes, "include/orrery/plugin.h", "#include <unistd.h>\n", "C11"),
    (includes, "include/orrery/plugin.h", '#include "base/error.h"\n', "beside"),
    (forbidden_calls, "core/base/error.c", "void f(void)\n{\n    abort();\n}\n", "error.c:3: abort"),
    (forbidden_calls, "core/base/error.c", "void f(void) { exit (1); }\n", "exit"),
    (forbidden_calls, "backends/reference/kernels.c", "void f(int x) { assert(x); }\n", "assert"),
    (forbidden_calls, "backends/reference/kernels.c", 'void f(void) { fprintf(stdout, ""); }\n', "stdout"),
    (forbidden_calls, "core/cli/orrery.c", "void f(void) { abort(); }\n", "abort"),
    (forbidden_words, "core/base/error.c", "/* TO" "DO: later */\n", "TO" "DO"),
    (forbidden_words, "core/base/error.c", "/* not " "implemented */\n", "not " "implemented"),
    (forbidden_words, "core/meson.build", "'-ffast" "-math'\n", "fast"),
    (forbidden_words, "core/base/error.c", 'const char *path = "/ho' 'me/someone";\n', "ho"),
    (header_comments, "core/base/error.h", "/* One. */\n\nint orr_fail(int code);\n", "orr_fail"),
    (header_comments, "core/base/error.h", "int orr_one(int a,\n            int b);\n\nint orr_two(void); /* Yes. */\n", "orr_one"),
    (header_comments, "include/orrery/plugin.h", "#pragma once\nstatic inline int orr_f(int a)\n{\n}\n", "orr_f"),
    (listed_in_meson, "core/base/forgotten.c", "\n", "forgotten.c"),
    (listed_in_meson, "core/base/rules_c.c", "\n", "rules_c.c"),
    (listed_in_meson, "tests/unit/test_gra.c", "\n", "test_gra.c"),
    (listed_in_meson, "core/meson.build", "# files('graph/rules.c')\n", "rules.c"),
    (operations, "core/graph/rules.def", "ORR_RULE(MAX, any)\n", "FILL: no row"),
    (operations, "core/graph/rules.def", "/* ORR_RULE(FILL) */\nORR_RULE(MAX, any)\n", "FILL: no row"),
    (operations, "backends/reference/kernels.c", "ROW(MAX, 2) ROW(FILLED, 3)\n", "FILL: no kernel"),
    (operations, "tests/unit/test_graph.c", "/* orr_max(1) */ fill max MAX\n", "MAX: no test"),
    (operations, "include/orrery/ops.def", "\n", "no rows"),
    (pictures, "docs/figures/a.svg", "<svg/>\n", "was not made by gnuplot"),
    (pictures, "docs/figures/b.svg", "<svg/>\n", "b.gp is missing"),
    (pictures, "docs/figures/b.svg", "<svg/>\n", "no page shows it"),
    (pictures, "docs/b.md", "![b](figures/b.svg)\n", "docs/b.md: figures/b.svg is not there"),
    (top_level, "notes.txt", "\n", "notes.txt"),
    (top_level, "README.md", "`core`\n", "tests: the README"),
]  # fmt: skip

if pictures.gnuplot_version():
    by_another_script = "<desc>Produced by %s </desc>\n" % pictures.gnuplot_version()
    PLANTED.append((pictures, "docs/figures/a.svg", by_another_script, "is not what docs/figures/a.gp makes"))

# (file name, exported symbols, words that a finding must hold or None for no finding)
SYMBOLS = [
    ("liborrery.so.0", ["orr_run", "_init", "__bss_start"], None),
    ("liborrery.so.0", ["orr_run", "helper"], "helper"),
    ("orrery-probe-linear.so", ["orr_plugin_query"], None),
    ("orrery-probe-linear.so", ["orr_plugin_query", "orr_other"], "orr_other"),
    ("orrery-probe-linear.so", [], "does not export"),
]


def run_on(check, tree):
    """The findings of a check on a tree given as {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                out.write(text)
        return list(check.check(root))


def main():
    wrong = []
    for check in {row[0] for row in PLANTED}:
        findings = run_on(check, CLEAN)
        if findings:
            wrong.append("%s: found fault with the clean tree: %s" % (check.__name__, findings))
    for check, path, text, words in PLANTED:
        findings = run_on(check, {**CLEAN, path: text})
        if not any(words in finding for finding in findings):
            wrong.append("%s: %r in %s: expected a finding with '%s', got %s" % (check.__name__, text, path, words, findings))
    for name, symbols, words in SYMBOLS:
        findings = list(exported_symbols.faults(name, symbols))
        if not any(words in finding for finding in findings) if words else findings:
            wrong.append("exported_symbols: %s %s: expected '%s', got %s" % (name, symbols, words, findings))
    for line in wrong:
        print(line)
    print("%d planted faults, %d of them not found as expected" % (len(PLANTED) + len(SYMBOLS), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
