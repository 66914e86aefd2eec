/* Gathering, writing and printing the report of one directory. */
#include "cli/run_report.h"

#include "study/report_html.h"

#include <stdio.h>
#include <string.h>

/* Providers of all points together, in the form that a device's own counters have. */
static void add_up(const struct orr_gathered *gathered, struct orr_counters *all)
{
    for (size_t i = 0; i < gathered->n_points; ++i)
        for (size_t k = 0; k < gathered->point[i].place.n_providers; ++k) {
            const struct orr_gathered_provider *one = &gathered->point[i].place.provider[k];
            uint32_t at = 0;
            while (at < all->n_providers && strcmp(all->provider[at].name, one->name) != 0)
                ++at;
            if (at == ORR_PROVIDERS_MAX) continue;
            if (at == all->n_providers) {
                memcpy(all->provider[at].name, one->name, sizeof one->name);
                ++all->n_providers;
            }
            all->provider[at].products += (uint64_t)one->products;
            all->provider[at].multiply_adds += (uint64_t)one->multiply_adds;
        }
}

void orr_print_products(const struct orr_gathered *gathered)
{
    struct orr_counters all;
    char products[ORR_PROVIDERS_MAX * 80];
    memset(&all, 0, sizeof all);
    add_up(gathered, &all);
    if (all.n_providers == 0) return;
    orr_counters_print_products(&all, products, sizeof products);
    printf("Matrix products by: %s\n", products);
}

orr_status orr_run_report(const char *directory, bool page, struct orr_error *err)
{
    const struct orr_gather_options options = {.directory = &directory, .n_directories = 1};
    struct orr_text text = {.data = NULL};
    struct orr_report_sources sources = {.item = NULL};
    struct orr_gathered *gathered;
    ORR_TRY(orr_gathered_read(&options, &gathered, err));
    orr_status status = orr_report_sources_read(&directory, 1, &sources, err);
    if (status == ORR_OK) status = orr_report_write(gathered, &sources, directory, &text, err);
    if (status == ORR_OK && page) status = orr_report_html_write(gathered, &sources, directory, err);
    if (status == ORR_OK) {
        printf("%s\n", text.data);
        orr_print_products(gathered);
        printf("All results: %s\n", directory);
    }
    orr_text_fini(&text);
    orr_report_sources_fini(&sources);
    orr_gathered_destroy(gathered);
    return status;
}
