/* SPDX-License-Identifier: MIT */
/* view.h - the figures as rows of text. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include "top/figures.h"
#include "top/sheet.h"

/* Fills a sheet that sheet_begin has given its size. */
void view_draw(struct sheet *s, const struct figures *f);

#endif
