/* SPDX-License-Identifier: MIT */
/* explain_json.c - one object a question, the same facts as in the text. */
#include "inspect/explain_json.h"

#include "inspect/chain.h"
#include "inspect/json_parts.h"
#include "inspect/source_marks.h"

static json_t *memory(const struct explain *x)
{
    return json_pack("{s:I, s:o, s:o}", "bytes", (json_int_t)x->mem_bytes, "guest_physical",
                     json_hex(0), "host_virtual", json_hex(x->mem_host));
}

static json_t *run_area(const struct explain *x)
{
    return json_pack("{s:I, s:o, s:s}", "bytes", (json_int_t)x->run_area_len, "host_virtual",
                     json_hex(x->run_area_host), "what", x->run_area_what);
}

static json_t *spaces(const struct explain *x)
{
    json_t *ranges = json_array();

    for (unsigned i = 0; i < x->nranges; i++) {
        const struct vitro_range *r = &x->range[i];

        json_array_append_new(ranges, json_pack("{s:s, s:s, s:o, s:o, s:I}", "use",
                                                vitro_use_name(r->use), "name", r->name,
                                                "guest_physical", json_hex(r->gpa), "host_virtual",
                                                json_hex(r->host), "bytes", (json_int_t)r->len));
    }
    return json_pack("{s:o, s:{s:o, s:b, s:b, s:b, s:i}}", "ranges", ranges, "code_segment",
                     "limit", json_hex(x->cs.limit), "g", x->cs.g, "l", x->cs.l, "db", x->cs.db,
                     "dpl", x->cs.dpl);
}

static json_t *paging(const struct explain *x)
{
    json_t *tables = json_array(), *mappings = json_array();

    for (unsigned i = 0; i < x->ntables; i++)
        json_array_append_new(tables, json_pack("{s:s, s:o, s:i}", "table", x->table[i].name,
                                                "guest_physical", json_hex(x->table[i].gpa),
                                                "entries", x->table[i].present));
    for (unsigned i = 0; i < x->nmappings; i++) {
        const struct explain_mapping *m = &x->mapping[i];

        json_array_append_new(mappings,
                              json_pack("{s:o, s:o, s:I, s:I, s:b, s:b, s:b}", "guest_virtual",
                                        json_hex(m->gva), "guest_physical", json_hex(m->gpa),
                                        "bytes", (json_int_t)m->bytes, "page_bytes",
                                        (json_int_t)m->page_bytes, "writable", m->writable, "user",
                                        m->user, "executable", m->executable));
    }
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:b, s:I, s:i, s:o, s:s?}", "form", x->paging,
                     "levels_of_mode", x->levels_of_mode, "levels_used", x->levels_used, "tables",
                     tables, "mappings", mappings, "cut", x->cut, "mapped_bytes",
                     (json_int_t)x->mapped_bytes, "address_bits", x->gva_bits, "beyond",
                     json_hex(x->beyond), "beyond_why", x->beyond_why);
}

static json_t *start(const struct explain *x)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:s}", "rip", json_hex(x->start.rip), "rflags",
                     json_hex(x->start.rflags), "rsp", json_hex(x->start.gpr[4]), "cr3",
                     json_hex(x->start.cr3), "mode", x->start.mode);
}

static json_t *control(const struct explain *x)
{
    json_t *exits = json_array();

    for (unsigned i = 0; i < x->nexits; i++) {
        const struct vitro_exit_row *r = &x->exit[i];

        json_array_append_new(exits, json_pack("{s:s, s:b, s:o, s:o, s:I}", "reason", r->reason,
                                               "write", r->write, "addr", json_hex(r->addr), "rip",
                                               json_hex(r->rip), "exits", (json_int_t)r->exits));
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:s, s:o}", "exits", (json_int_t)x->end.exits, "by_site",
                     exits, "first_rip", json_hex(x->first_rip), "next_rip", json_hex(x->next_rip),
                     "end", x->end.text, "chain",
                     x->has_chain ? chain_json(&x->chain) : json_null());
}

static json_t *output(const struct explain *x)
{
    bool seen = x->out_exits != 0 && x->out_buffer_offset != 0;

    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o}", "port", json_hex(x->out_port), "width",
                     (json_int_t)x->out_width, "exits", (json_int_t)x->out_exits, "buffer_offset",
                     json_hex(x->out_buffer_offset), "first_byte", part_hex_if(seen, x->out_byte),
                     "text", part_bytes(x->output, x->output_len));
}

static json_t *result(const struct explain *x)
{
    if (!x->has_result)
        return json_pack("{s:I}", "rax", (json_int_t)x->rax);
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I}", "stored_by", json_hex(x->store.rip),
                     "instruction", x->store.text, "guest_physical", json_hex(x->result_gpa),
                     "host_virtual", json_hex(x->result_host), "memory", (json_int_t)x->result,
                     "rax", (json_int_t)x->rax);
}

static json_t *marks(void)
{
    json_t *doc = json_object();

    for (unsigned i = 0; i < nsource_marks; i++) {
        const struct source_mark *m = &source_marks[i];

        json_object_set_new(
            doc, m->name,
            json_pack("{s:s, s:i, s:s}", "file", m->file, "line", m->line, "text", m->text));
    }
    return doc;
}

int explain_json(const struct explain *x, char **out, struct vitro_err *err)
{
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "guest",
                  x->guest, "mode", x->mode, "engine", x->engine, "engine_why", x->engine_why,
                  "memory", memory(x), "run_area", run_area(x), "address_spaces", spaces(x),
                  "page_tables", paging(x), "start", start(x), "control", control(x), "output",
                  output(x), "result", result(x), "source", marks());

    return json_finish(doc, out, err);
}
