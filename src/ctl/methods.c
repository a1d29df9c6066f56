/* SPDX-License-Identifier: MIT */
/* methods.c - the table of methods: docs/control.md and docs/control.schema.json say the same. */
#include "ctl_priv.h"

#define NUMBER(n, d, lo, hi)                                                    \
    {                                                                           \
        .name = (n), .type = PARAM_NUMBER, .def = (d), .min = (lo), .max = (hi) \
    }
#define FLAG(n)                         \
    {                                   \
        .name = (n), .type = PARAM_BOOL \
    }

const struct method rpc_methods[] = {
    { "info", m_info, false, { { 0 } } },
    { "pause", m_pause, false, { { 0 } } },
    { "resume", m_resume, false, { { 0 } } },
    { "stop", m_stop, false, { FLAG("now"), NUMBER("grace_ms", 10000, 0, 3600000) } },
    { "reset", m_reset, false, { { 0 } } },
    { "power_button", m_power_button, false, { { 0 } } },
    { "state.subscribe", m_state_subscribe, false, { { 0 } } },
    { "unsubscribe",
      m_unsubscribe,
      false,
      { { .name = "subscription", .type = PARAM_NUMBER, .required = true, .max = UINT32_MAX } } },
    { 0 },
};
