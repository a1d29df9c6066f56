/* SPDX-License-Identifier: MIT */
/* assets.h - the page's files as scripts/web_assets.py made them; served by http.c, written by save.c. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

extern const unsigned char page_html[], page_css[], page_js[];
extern const size_t page_html_len, page_css_len, page_js_len;

/* One file with everything in it: head, JSON, tail. */
extern const unsigned char saved_head[], saved_tail[];
extern const size_t saved_head_len, saved_tail_len;

#endif
