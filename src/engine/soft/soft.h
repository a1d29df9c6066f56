/* SPDX-License-Identifier: MIT */
/*
 * soft.h - the software CPU as an engine; used by the library's face
 *
 * Runs wherever the library runs: it needs nothing of the host but memory.
 */
#ifndef ENGINE_SOFT_H
#define ENGINE_SOFT_H

#include "core/engine.h"

extern const struct engine_ops soft_engine;

#endif
