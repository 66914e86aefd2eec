/* The rows that describe a recipe's single values: read by recipe*.c and by the program's help. */
#ifndef ORR_STUDY_RECIPE_TABLE_H
#define ORR_STUDY_RECIPE_TABLE_H

#include <stddef.h>

enum orr_recipe_type { ORR_KEY_INT, ORR_KEY_REAL, ORR_KEY_BOOL, ORR_KEY_TEXT };

struct orr_recipe_key {
    const char *path;
    enum orr_recipe_type type;
    const char *fallback; /* NULL: must be given; "": may be left out */
    double least, greatest;
    size_t field; /* offset into struct orr_recipe */
    const char *meaning;
};

extern const struct orr_recipe_key orr_recipe_keys[];
extern const size_t orr_recipe_key_count;

#endif
