"""The recipe of the spatial map at the paper's sizes, on the reference backend: the map is there, and was not before."""
import os

from program import RECIPES, expect, findings, main, run

SINE = os.path.join(RECIPES, "sine-spatial-map.yaml")


def r2(rows, network, step, split):
    [value] = [float(row["value"]) for row in rows if (row["probe"], row["quantity"]) == ("spatial_map", "r2")
               and (row["network"], row["step"], row["split"]) == (network, step, split)]  # fmt: skip
    return value


def the_map_comes_about_in_201_steps(scratch):
    out = os.path.join(scratch, "out")
    # The steps between cost a probe each, and change no bit.
    result = expect(run("run", SINE, "--out", out, "--device", "reference", "-q", "--set", "train.evaluate=none",
                        "--set", "train.keep_evaluated=false", "--set", "study.every_evaluation=false"), 0)  # fmt: skip
    rows = findings(out)
    trained = r2(rows, "trained", "201", "train")
    # The target of the recipe. Four seeds gave 0.9928 to 0.9953; another compiler's sums make another run of these.
    if not 0.98 <= trained <= 1:
        raise AssertionError("R2 of the map is %.4f, expected 0.98 to 1" % trained)
    # Of tokens that the fit has not seen four seeds gave 0.9789 to 0.9923, and untrained networks less than none.
    held_out = r2(rows, "trained", "201", "held_out")
    if not held_out > 0.9:
        raise AssertionError("R2 of every fifth token is %.4f, expected more than 0.9" % held_out)
    untrained = r2(rows, "untrained", "0", "held_out")
    if not untrained < 0.5:
        raise AssertionError("R2 of every fifth token of the untrained network is %.4f" % untrained)
    if "R2 of the map is near 1" not in result.stdout:
        raise AssertionError("the report has no such claim:\n%s" % result.stdout)


if __name__ == "__main__":
    main([the_map_comes_about_in_201_steps])
