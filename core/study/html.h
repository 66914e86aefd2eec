/* HTML that is put together piece by piece: whatever comes from outside is escaped on its way in. */
#ifndef ORR_STUDY_HTML_H
#define ORR_STUDY_HTML_H

#include "study/text.h"

/* Zero it and set err. The first failure is kept in status, later calls then do nothing. */
struct orr_html {
    struct orr_text text; /* the caller's, to be freed by orr_text_fini */
    orr_status status;
    struct orr_error *err;
};

/* "<tag", then its attributes, then ">". Tags and names of attributes are constants of the program. */
void orr_html_begin(struct orr_html *html, const char *tag);
void orr_html_attribute(struct orr_html *html, const char *name, const char *fmt, ...) ORR_PRINTF(3, 4);
void orr_html_end(struct orr_html *html);

/* "<tag class="kind">"; kind NULL: none. */
void orr_html_open(struct orr_html *html, const char *tag, const char *kind);
void orr_html_close(struct orr_html *html, const char *tag);

/* Escaped text; what is not UTF-8, and control characters, are replaced. */
void orr_html_text(struct orr_html *html, const char *fmt, ...) ORR_PRINTF(2, 3);
/* An element that holds a text and nothing else. */
void orr_html_element(struct orr_html *html, const char *tag, const char *kind, const char *fmt, ...) ORR_PRINTF(4, 5);

/* n bytes that are markup already. */
void orr_html_markup(struct orr_html *html, const char *markup, size_t n);

/* The Markdown of reports: headings ("##" becomes h3, "###" h4), paragraphs, lists of "- ", and tables, each in a box
 * of its own that scrolls. Everything else in it is text. */
void orr_html_markdown(struct orr_html *html, const char *markdown);

#endif
