"""report.html: well-formed, whole, escaped, of one file; its figures; and how Chromium shows it."""
import glob
import hashlib
import html.parser
import json
import os
import re
import shutil

import browser
from program import SMOKE, Skip, equal, expect, load, main, read, run

os.environ["ORRERY_DEVICE"] = "reference"
TITLE = "a recipe with <b>&amp; \"quotes\" and 'more' | of it</title><script>fail()</script>"
SWEEP = ["--set", "train.steps=12", "--set", "train.log_every=4", "--set", "study.save_activations=false", "-q",
         "--set", "data.context=2,4", "--seeds", "1..2"]  # fmt: skip
VOID = {"meta", "br", "link"}


class Page(html.parser.HTMLParser):
    """Every element with its attributes, the text, and what is not well-formed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.faults, self.text, self.ids = [], [], [], [], set()
        self.feed(text)
        self.close()
        self.faults += ["%s is not closed" % tag for tag in self.open]
        self.words = " ".join("".join(self.text).replace("\u00a0", " ").split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        name = dict(attrs).get("id")
        if name in self.ids:
            self.faults.append("id %s twice" % name)
        self.ids |= {name} if name else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append("</%s> at %r" % (tag, self.getpos()))

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


def recipe(scratch):
    path = os.path.join(scratch, "recipe.yaml")
    with open(SMOKE, encoding="utf-8") as smoke, open(path, "w", encoding="utf-8") as file:
        text = smoke.read()
        file.write(text.replace("title: every part once, nothing learned", "title: '%s'" % TITLE.replace("'", "''")))
        file.write("  - {claim: '<i>a & b</i>', quantity: newtonian, split: train, probe: linear, value: 0.5, "
                   "source: \"<u>nowhere</u>\"}\n")  # fmt: skip
    return path


def sweep(scratch, **options):
    out = os.path.join(scratch, "out")
    result = expect(run("run", recipe(scratch), "--out", out, *SWEEP, **options), 0)
    return out, Page(read(out, "report.html").decode()), result


def need_gnuplot():
    if not shutil.which("gnuplot"):
        raise Skip("there is no gnuplot")


def page_is_well_formed_and_whole(scratch):
    out, page, _ = sweep(scratch)
    equal(page.faults, [], "faults")
    headings = re.findall(r"<h2>([^<]*)</h2>", read(out, "report.html").decode())
    equal(headings, ["Is it real?", "What was asked", "Claims", "Figures", "Tables", "Times and machine", "To repeat it"], "headings")
    for fragment in [TITLE, "<i>a & b</i>", "<u>nowhere</u>", "smoke test", "4 of 4 finished", "faithful reading",
                     "reference:0", "--seeds 1..2", "95 % interval"]:  # fmt: skip
        if fragment not in page.words:
            raise AssertionError("no %r in:\n%s" % (fragment, page.words))
    for tag in ["script", "i", "u", "link", "img", "iframe"]:
        equal(page.count(tag), 0, "elements <%s>" % tag)
    # One file: nothing is fetched.
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href") and not value.startswith("#"):
                raise AssertionError("<%s %s=%r>" % (tag, name, value))
    if "url(" in read(out, "report.html").decode() or "@import" in read(out, "report.html").decode():
        raise AssertionError("the style sheet fetches something")
    # A point of the sweep has no page of its own.
    equal(glob.glob(os.path.join(glob.escape(out), "*", "report.html")), [], "pages of points")


def every_number_of_every_seed_is_there(scratch):
    """Of losses, scores and rollouts: as the page prints them, with four digits."""
    out, page, _ = sweep(scratch)
    number, missing = 0, []
    for point in load(out, "summary.json")["points"]:
        for measure in point["measures"]:
            if measure["value"] is None or measure["network"] in ("raw_inputs", "raw_inputs_squared"):
                continue
            number += 1
            if "%.4g" % measure["value"] not in page.words:
                missing.append(measure)
    if number < 100 or missing:
        raise AssertionError("of %d numbers missing: %r" % (number, missing))


def every_figure_is_drawn(scratch):
    need_gnuplot()
    out, page, _ = sweep(scratch)
    places = sorted(glob.glob(os.path.join(glob.escape(out), "figures", "*.svg")))
    equal(page.count("svg"), len(places), "drawings in the page")
    equal(page.count("figure"), len(places), "figures in the page")
    names = {os.path.basename(place) for place in places}
    for name in ["scores-linear-train.svg", "trained-minus-untrained-linear-train.svg", "loss.svg",
                 "rollout-rollout-error-held-out.svg", "rollout-horizon.svg"]:  # fmt: skip
        if name not in names:
            raise AssertionError("no %s in %r" % (name, names))
    for place in places:
        svg = read(place).decode()
        if len(re.findall(r"gnuplot_plot_", svg)) < 2 or "</svg>" not in svg:
            raise AssertionError("%s is empty:\n%s" % (place, svg[:500]))
        # The script beside it draws the same again.
        name = os.path.basename(place)[:-4]
        again = os.popen("cd '%s/figures' && gnuplot -d %s.gp" % (out, name)).read()
        equal(again, svg, "%s drawn again" % name)
    # The data are those of the findings: a mean over the two seeds at context 4.
    values = [measure["value"] for point in load(out, "summary.json")["points"] if point["point"].startswith("context=4")
              for measure in point["measures"] if (measure["quantity"], measure["network"], measure["probe"],
              measure["split"]) == ("rollout_error", "trained", "rollout", "held_out")]  # fmt: skip
    line = read(out, "figures", "rollout-rollout-error-held-out.dat").decode().splitlines()[3].split()
    equal([float(line[0]), len(values)], [4.0, 2], "context and seeds")
    # Both are printed with every digit; the sum's order is the only difference.
    if abs(float(line[1]) - sum(values) / 2) > 1e-15 * abs(sum(values)):
        raise AssertionError("%r, expected %r" % (line, sum(values) / 2))


def without_gnuplot_the_page_says_how_to_draw(scratch):
    """Neither where there is none, nor where it fails, is the run's end another one."""
    empty = os.path.join(scratch, "bin")
    os.mkdir(empty)
    out, page, _ = sweep(scratch, env={"PATH": empty})
    equal((page.count("svg"), page.faults), (0, []), "drawings and faults")
    for fragment in ["there is no gnuplot", "apt install gnuplot-nox", "gnuplot loss.gp > loss.svg"]:
        if fragment not in page.words:
            raise AssertionError("no %r in:\n%s" % (fragment, page.words))
    for name in ["loss.dat", "loss.gp", "scores-linear-train.dat"]:
        read(out, "figures", name)
    fake = os.path.join(empty, "gnuplot")
    with open(fake, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho 'no <such> terminal' >&2\nexit 1\n")
    os.chmod(fake, 0o755)
    result = expect(run("report", out, env={"PATH": empty}), 0, "warn", "no <such> terminal")
    page = Page(read(out, "report.html").decode())
    equal((page.count("svg"), page.faults), (0, []), "drawings and faults (%s)" % result.stderr)
    if "no <such> terminal" not in page.words:
        raise AssertionError(page.words)


def several_directories_say_what_made_each(scratch):
    """Two runs of one seed each: the hash of each recipe and each command, in both reports."""
    runs = [os.path.join(scratch, "a & b"), os.path.join(scratch, "c")]
    for seed, out in enumerate(runs):
        expect(run("run", recipe(scratch), "--out", out, *SWEEP[:7], "--set", "train.seed=%d" % (seed + 5)), 0)
    both = os.path.join(scratch, "both")
    expect(run("report", *runs, "--out", both), 0)
    page = Page(read(both, "report.html").decode())
    equal(page.faults, [], "faults")
    text = read(both, "report.md").decode()
    for seed, out in enumerate(runs):
        digest = hashlib.sha256(read(out, "recipe.yaml")).hexdigest()
        for fragment in [out, digest, "train.seed=%d" % (seed + 5)]:
            if fragment not in page.words.split("To repeat it")[1] or fragment not in text.split("To repeat it")[1]:
                raise AssertionError("no %r in:\n%s\n%s" % (fragment, page.words, text))


def report_does_not_depend_on_where_a_run_lies(scratch):
    """report.md of one directory names neither it nor the command; the page has both."""
    out = os.path.join(scratch, "here")
    result = expect(run("run", recipe(scratch), "--out", out, *SWEEP[:7]), 0)
    before, elsewhere = read(out, "report.md"), os.path.join(scratch, "there")
    os.rename(out, elsewhere)
    expect(run("report", elsewhere), 0)
    equal(read(elsewhere, "report.md"), before, "report.md after a move (%s)" % result.stdout)
    if scratch.encode() in before or "To repeat it" in before.decode():
        raise AssertionError(before.decode())
    if " run " not in Page(read(elsewhere, "report.html").decode()).words.split("To repeat it")[1]:
        raise AssertionError("the page has no command")


def page_says_how_small_the_run_is(scratch):
    """Beside the label, and where published values are counted."""
    out = os.path.join(scratch, "one")
    expect(run("run", recipe(scratch), "--out", out, *SWEEP[:7]), 0)
    record = load(out, "env.json")
    record["sessions"][0]["full_tokens"] = 1e9
    with open(os.path.join(out, "env.json"), "w", encoding="utf-8") as file:
        json.dump(record, file)
    expect(run("report", out), 0, "")
    words = Page(read(out, "report.html").decode()).words
    sentence = re.search(r"Trained on [^()]* times smaller than the full job \([^)]*\)\.", read(out, "report.md").decode())
    if not sentence or "label" + "smoke test. " + sentence.group() not in words.replace("label ", "label"):
        raise AssertionError("%r is not beside the label in:\n%s" % (sentence, words))
    if not re.search(r"can be judged, at [0-9.e-]+ % of the full job's training", words):
        raise AssertionError(words)


def lines_of_a_sweep_over_two_keys_are_told_apart(scratch):
    """Two scores, each with a line for each value of the other key: no two are drawn alike."""
    out = os.path.join(scratch, "two")
    expect(run("run", recipe(scratch), "--out", out, *SWEEP[:7], "--set", "data.context=2,4", "--set", "train.noise=0,0.1"), 0)
    drawn = 0
    for path in glob.glob(os.path.join(glob.escape(out), "figures", "*.gp")):
        forms = re.findall(r"with linespoints lw 2.2 dt (\d+) pt (\d+) ps 0.7 lc rgb '(#\w+)' title ('[^']*')", read(path).decode())
        drawn += len(forms)
        equal(len({form[:3] for form in forms}), len(forms), "forms in %s, %r" % (path, forms))
        # In black and white too.
        equal(len({form[:2] for form in forms}), len(forms), "dashes and markers in %s, %r" % (path, forms))
    if drawn < 8:
        raise AssertionError("%d thick lines" % drawn)


def one_run_and_what_is_missing(scratch):
    """A run of one point has bars; a sweep without one of its points says so at the top."""
    out = os.path.join(scratch, "one")
    expect(run("run", recipe(scratch), "--out", out, *SWEEP[:7]), 0)
    page = Page(read(out, "report.html").decode())
    equal(page.faults, [], "faults")
    if "1 of 1 points finished, 1 seed: no number has an interval." not in page.words.split("What was asked")[0]:
        raise AssertionError(page.words)
    if " mean" in read(out, "figures", "scores-linear-train.dat").decode() or "boxes" not in read(
        out, "figures", "scores-linear-train.gp"
    ).decode():
        raise AssertionError("no bars")
    out, _, _ = sweep(scratch)
    shutil.rmtree(os.path.join(out, "context=4,seed=2"))
    expect(run("report", out), 0)
    page = Page(read(out, "report.html").decode())
    equal(page.faults, [], "faults")
    top = page.words.split("What was asked")[0]
    if "Point context=4,seed=2: not begun." not in top or "3 of 4 finished" not in page.words:
        raise AssertionError(page.words)


def chromium_shows_it_on_a_phone_and_a_desk(scratch):
    if not browser.find():
        raise Skip("there is no Chromium")
    out, page, _ = sweep(scratch)
    with browser.Browser() as shown:
        backgrounds = set()
        for width in [390, 1280]:
            for dark in [False, True]:
                complaints = shown.open("file://%s/report.html" % out, width, 800, dark)
                equal(complaints, [], "complaints at width %d, dark %r" % (width, dark))
                # Nothing but tables in their own boxes is wider than the window.
                equal(shown.value("document.documentElement.scrollWidth <= innerWidth"), True, "fits into %d" % width)
                backgrounds.add(shown.value("getComputedStyle(document.body).backgroundColor"))
                sizes = shown.value("[...document.querySelectorAll('figure svg')].map(s => s.getBBox().width)")
                equal(len(sizes), page.count("svg"), "figures shown")
                if sizes and min(sizes) < 100:
                    raise AssertionError("an empty figure: %r" % sizes)
                if os.environ.get("ORRERY_TEST_SHOTS"):
                    name = "%s-%s.png" % ("phone" if width < 600 else "desktop", "dark" if dark else "light")
                    shown.screenshot(os.path.join(os.environ["ORRERY_TEST_SHOTS"], name))
        equal(len(backgrounds), 2, "backgrounds, light and dark: %r" % backgrounds)


if __name__ == "__main__":
    main([page_is_well_formed_and_whole, every_number_of_every_seed_is_there, every_figure_is_drawn,
          without_gnuplot_the_page_says_how_to_draw, several_directories_say_what_made_each,
          report_does_not_depend_on_where_a_run_lies, page_says_how_small_the_run_is,
          lines_of_a_sweep_over_two_keys_are_told_apart, one_run_and_what_is_missing,
          chromium_shows_it_on_a_phone_and_a_desk])  # fmt: skip
