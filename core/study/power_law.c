/* Both fits are weighted lines in the plane of log v and log d: of log y with equal weights, or of the relative
 * residuals of y with the squares of what the law says, a Gauss-Newton step. */
#include "study/power_law.h"

#include <math.h>

/* The coefficients of 1, log v and log d, and what their errors are made of. */
struct plane {
    double c[3], variance[3]; /* variance: in units of that of one point */
    bool known;
};

struct points {
    const double *v, *d, *y;
    size_t n;
};

static bool is_used(const struct points *p, size_t i)
{
    return p->v[i] > 0 && p->d[i] > 0 && p->y[i] > 0 && isfinite(p->v[i]) && isfinite(p->d[i]) && isfinite(p->y[i]);
}

static double law(const struct points *p, size_t i, const double c[3])
{
    return exp(c[0] + c[1] * log(p->v[i]) + c[2] * log(p->d[i]));
}

/* The weight and the number of point i. law NULL: the logarithm of y, and 1. */
static double weigh(const struct points *p, size_t i, const double *c, double *z)
{
    if (!c) {
        *z = log(p->y[i]);
        return 1;
    }
    const double f = law(p, i, c);
    *z = p->y[i] / f - 1;
    return f * f;
}

/* Centred, so that the two slopes are a system of two. */
static struct plane fit_plane(const struct points *p, const double *c)
{
    double w = 0, x = 0, t = 0, mean = 0, xx = 0, xt = 0, tt = 0, xz = 0, tz = 0;
    struct plane plane = {.known = false};
    for (size_t i = 0; i < p->n; ++i) {
        double z;
        if (!is_used(p, i)) continue;
        const double weight = weigh(p, i, c, &z);
        w += weight;
        x += weight * log(p->v[i]);
        t += weight * log(p->d[i]);
        mean += weight * z;
    }
    x /= w, t /= w, mean /= w;
    for (size_t i = 0; i < p->n; ++i) {
        double z;
        if (!is_used(p, i)) continue;
        const double weight = weigh(p, i, c, &z), a = log(p->v[i]) - x, b = log(p->d[i]) - t;
        xx += weight * a * a;
        xt += weight * a * b;
        tt += weight * b * b;
        xz += weight * a * (z - mean);
        tz += weight * b * (z - mean);
    }
    const double determinant = xx * tt - xt * xt;
    /* Rounding alone leaves about 1e-16 of the product where the two go together. */
    if (!(determinant > 1e-12 * xx * tt)) return plane;
    plane.known = true;
    plane.c[1] = (tt * xz - xt * tz) / determinant;
    plane.c[2] = (xx * tz - xt * xz) / determinant;
    plane.c[0] = mean - plane.c[1] * x - plane.c[2] * t;
    plane.variance[1] = tt / determinant;
    plane.variance[2] = xx / determinant;
    plane.variance[0] = 1 / w + (x * x * tt - 2 * x * t * xt + t * t * xx) / determinant;
    return plane;
}

/* Sum of squared residuals of log y or of y, and of the deviations from their mean. */
static double residuals(const struct points *p, const double c[3], bool of_logarithms, double *total)
{
    double sum = 0, mean = 0;
    size_t n = 0;
    for (size_t i = 0; i < p->n; ++i)
        if (is_used(p, i)) {
            mean += of_logarithms ? log(p->y[i]) : p->y[i];
            ++n;
        }
    *total = 0;
    for (size_t i = 0; i < p->n; ++i) {
        if (!is_used(p, i)) continue;
        const double y = of_logarithms ? log(p->y[i]) : p->y[i], f = law(p, i, c);
        const double residual = y - (of_logarithms ? log(f) : f), deviation = y - mean / (double)n;
        sum += residual * residual;
        *total += deviation * deviation;
    }
    return sum;
}

static struct orr_power_law describe(const struct points *p, const double c[3], const struct plane *plane,
                                     bool of_logarithms)
{
    const double none = (double)NAN;
    struct orr_power_law law = {none, none, none, none, none, none, none, 0, false};
    double total;
    for (size_t i = 0; i < p->n; ++i)
        law.n += is_used(p, i);
    if (!plane->known || law.n < 3) return law;
    const double sum = residuals(p, c, of_logarithms, &total);
    law.a = exp(c[0]);
    law.alpha = c[1];
    law.beta = c[2];
    law.r2 = 1 - sum / total;
    law.converged = true;
    if (law.n < 4) return law;
    const double variance = sum / (double)(law.n - 3);
    law.a_error = law.a * sqrt(variance * plane->variance[0]);
    law.alpha_error = sqrt(variance * plane->variance[1]);
    law.beta_error = sqrt(variance * plane->variance[2]);
    return law;
}

struct orr_power_law orr_power_law_of_logarithms(const double *v, const double *d, const double *y, size_t n)
{
    const struct points p = {v, d, y, n};
    const struct plane plane = fit_plane(&p, NULL);
    return describe(&p, plane.c, &plane, true);
}

/* A step of the size that lowers the residuals, halved at most HALVINGS times; how far it went, 0: nowhere. */
static double step(const struct points *p, double c[3])
{
    enum { HALVINGS = 40 };
    const struct plane direction = fit_plane(p, c);
    double total, size = 1;
    const double before = residuals(p, c, false, &total);
    for (int k = 0; direction.known && k < HALVINGS; ++k, size /= 2) {
        const double next[3] = {c[0] + size * direction.c[0], c[1] + size * direction.c[1],
                                c[2] + size * direction.c[2]};
        if (!(residuals(p, next, false, &total) < before)) continue;
        for (int i = 0; i < 3; ++i)
            c[i] = next[i];
        return size * (fabs(direction.c[0]) + fabs(direction.c[1]) + fabs(direction.c[2]));
    }
    return 0;
}

struct orr_power_law orr_power_law_of_values(const double *v, const double *d, const double *y, size_t n)
{
    enum { STEPS = 200 };
    const struct points p = {v, d, y, n};
    struct plane plane = fit_plane(&p, NULL);
    double c[3] = {plane.c[0], plane.c[1], plane.c[2]}, moved = 1;
    if (!plane.known) return describe(&p, c, &plane, false);
    for (int k = 0; k < STEPS && moved > 1e-12; ++k)
        moved = step(&p, c);
    plane = fit_plane(&p, c);
    struct orr_power_law law = describe(&p, c, &plane, false);
    law.converged = law.converged && moved <= 1e-12;
    return law;
}
