/* SPDX-License-Identifier: MIT */
/* explain_json.h - the tour as JSON; used by explain.c. */
#ifndef INSPECT_EXPLAIN_JSON_H
#define INSPECT_EXPLAIN_JSON_H

#include "inspect/explain.h"

WARN_UNUSED int explain_json(const struct explain *x, char **out, struct vitro_err *err);

#endif
