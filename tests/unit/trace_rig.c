/* SPDX-License-Identifier: MIT */
/* trace_rig.c - the sink, a small run, and reading trace-event JSON back. */
#include "trace_rig.h"

bool sink_write(void *ctx, const char *bytes, size_t len)
{
    struct sink *s = ctx;

    s->calls++;
    if (s->every != 0 && s->calls % s->every == 0) {
        if (s->torn)
            text_add_bytes(&s->text, bytes, len / 2);
        return false;
    }
    text_add_bytes(&s->text, bytes, len);
    return true;
}

struct vitro_trace *start(enum vitro_trace_format format, struct sink *sink)
{
    struct vitro_trace *t = NULL;

    assert_int_equal(trace_new(format, sink_write, sink, &t, NULL), 0);
    return t;
}

struct vitro_event call(const char *object, const char *name, const char *meaning, int64_t result,
                        uint64_t ns)
{
    return (struct vitro_event){ .kind = VITRO_EVENT_HOSTCALL,
                                 .object = object,
                                 .call = name,
                                 .meaning = meaning,
                                 .result = result,
                                 .guest_ns = ns };
}

struct vitro_event run_call(uint64_t ns)
{
    return call("vcpu", "KVM_RUN", "give the CPU to the guest", 0, ns);
}

static const uint64_t gprs[16] = { [0] = 0x48, [3] = 3, [15] = UINT64_MAX };

struct vitro_event pio_out(char byte)
{
    return (struct vitro_event){ .kind = VITRO_EVENT_EXIT,
                                 .reason = "pio",
                                 .is_access = true,
                                 .write = true,
                                 .width = 1,
                                 .addr = 0xe9,
                                 .data = (unsigned char)byte,
                                 .rip = 0xf,
                                 .device = "debugcon",
                                 .gpr = gprs,
                                 .guest_ns = 5000,
                                 .monitor_ns = 800 };
}

size_t small_run(struct vitro_event *ev)
{
    size_t n = 0;

    ev[n++] = call("/dev/kvm", "KVM_CREATE_VM", "make an empty virtual machine", 4, 124000);
    ev[n++] = call("/dev/kvm", "KVM_CHECK_EXTENSION", "is a part there", 1, 300);
    ev[n++] = call("/dev/kvm", "KVM_CHECK_EXTENSION", "is a part there", -22, 300);
    ev[n++] = (struct vitro_event){ .kind = VITRO_EVENT_START };
    for (const char *p = "Hello\n"; *p != '\0'; p++) {
        ev[n++] = run_call(9500);
        ev[n++] = pio_out(*p);
    }
    ev[n++] = run_call(9000);
    ev[n++] = (struct vitro_event){ .kind = VITRO_EVENT_EXIT,
                                    .reason = "mmio",
                                    .is_access = true,
                                    .width = 4,
                                    .addr = 0xfee00020,
                                    .data = 0xffffffff,
                                    .rip = 0xffffffff81000000,
                                    .guest_ns = 4000,
                                    .monitor_ns = 400 };
    ev[n++] = run_call(9000);
    ev[n++] = call("vcpu", "KVM_GET_REGS", "read registers", 0, 1000);
    ev[n++] = (struct vitro_event){
        .kind = VITRO_EVENT_EXIT, .reason = "hlt", .rip = 0x1f, .guest_ns = 6500, .monitor_ns = 51
    };
    ev[n++] = (struct vitro_event){ .kind = VITRO_EVENT_STOP, .text = "every CPU halted" };
    ev[n++] = call("vcpu", "KVM_GET_REGS", "read registers", 0, 1000);
    for (size_t i = 0; i < n; i++) {
        ev[i].seq = i;
        ev[i].t_ns = 200000 + 15500 * i;
    }
    return n;
}

char *traced(enum vitro_trace_format format, const struct vitro_event *ev, size_t n,
             struct sink *sink)
{
    struct vitro_trace *t = start(format, sink);

    for (size_t i = 0; i < n; i++)
        trace_event(t, &ev[i]);
    assert_int_equal(trace_end(t), 0);
    return text_take(&sink->text);
}

void assert_tracks(const json_t *doc)
{
    double end[256] = { 0 };
    bool named[256] = { false };
    const json_t *ev;
    size_t i;

    json_array_foreach(doc, i, ev)
    {
        const char *ph = json_string_value(json_object_get(ev, "ph"));
        json_int_t tid = json_integer_value(json_object_get(ev, "tid"));
        double ts = json_number_value(json_object_get(ev, "ts"));
        double dur = json_number_value(json_object_get(ev, "dur"));

        assert_non_null(ph);
        assert_in_range(tid, 0, 255);
        if (*ph == 'M' &&
            strcmp(json_string_value(json_object_get(ev, "name")), "thread_name") == 0) {
            assert_false(named[tid]);
            named[tid] = true;
        }
        if (*ph != 'X')
            continue;
        assert_true(named[tid]);
        assert_true(dur >= 0);
        assert_true(ts + 0.0005 >= end[tid]);
        end[tid] = ts + dur;
    }
}

json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *doc = json_loads(text, 0, &error);

    if (doc == NULL)
        fail_msg("%s at line %d", error.text, error.line);
    return doc;
}
