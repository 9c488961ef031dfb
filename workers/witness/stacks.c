/* SPDX-License-Identifier: BSD-2-Clause */
#include "workers/witness/stacks.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"

#define FUNCTIONS_MAX 256
#define FUNCTIONS_SHOWN 12

struct stacks {
	Dwfl *dwfl;
	pid_t pid;
	bool attached;
	unsigned samples;
	struct stack list[STACKS_MAX];
	size_t n;
};

static char *no_debuginfo_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &no_debuginfo_path,
};

/* So that the first sample does not read files while the process stands still. */
static int prepare(Dwfl_Module *m, void **user, const char *name, Dwarf_Addr start, void *arg)
{
	GElf_Addr bias;
	Dwarf_Addr cfi;

	(void)user; (void)name; (void)start; (void)arg;
	dwfl_module_getelf(m, &bias);
	dwfl_module_eh_cfi(m, &cfi);
	return DWARF_CB_OK;
}

struct stacks *stacks_new(pid_t pid, const char **err)
{
	struct stacks *s = calloc(1, sizeof *s);

	*err = "no memory";
	if (!s)
		return NULL;
	s->pid = pid;
	s->dwfl = dwfl_begin(&callbacks);
	if (s->dwfl && dwfl_linux_proc_report(s->dwfl, pid) == 0 && dwfl_report_end(s->dwfl, NULL, NULL) == 0) {
		dwfl_getmodules(s->dwfl, prepare, NULL, 0);
		return s;
	}
	*err = s->dwfl ? "its memory map cannot be read" : dwfl_errmsg(-1);
	stacks_free(s);
	return NULL;
}

void stacks_free(struct stacks *s)
{
	if (s && s->dwfl)
		dwfl_end(s->dwfl);
	free(s);
}

static int on_frame(Dwfl_Frame *f, void *arg)
{
	struct stack *st = arg;
	Dwarf_Addr pc;
	bool activation;

	if (!dwfl_frame_pc(f, &pc, &activation))
		return DWARF_CB_ABORT;
	/* A return address may be that of the next function. */
	st->pc[st->frames++] = activation ? pc : pc - 1;
	return st->frames < STACK_FRAMES ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/*
 * Only the main thread stands still. dwfl_getthread_frames() would ask kill(2)
 * whether it lives, which a witness may not.
 */
static int on_thread(Dwfl_Thread *thread, void *arg)
{
	struct stack *st = arg;

	if (dwfl_thread_tid(thread) != st->tid)
		return DWARF_CB_OK;
	dwfl_thread_getframes(thread, on_frame, st);
	return DWARF_CB_ABORT;
}

static void add(struct stacks *s, const struct stack *st)
{
	s->samples++;
	for (size_t i = 0; i < s->n; i++) {
		struct stack *old = &s->list[i];
		if (old->frames == st->frames && memcmp(old->pc, st->pc, st->frames * sizeof st->pc[0]) == 0) {
			old->samples++;
			return;
		}
	}
	if (s->n < STACKS_MAX)
		s->list[s->n++] = *st;
}

bool stacks_take(struct stacks *s, const char **err)
{
	struct stack st = { .samples = 1, .tid = s->pid };

	int rc = s->attached ? 0 : dwfl_linux_proc_attach(s->dwfl, s->pid, true);
	s->attached |= rc == 0;
	/* It ends with an error where no more frames can be found; those until then count. */
	if (rc == 0)
		dwfl_getthreads(s->dwfl, on_thread, &st);
	if (st.frames > 0)
		add(s, &st);
	else
		*err = rc > 0 ? strerror(rc) : dwfl_errmsg(-1);
	return st.frames > 0;
}

bool stacks_empty(const struct stacks *s) { return s->samples == 0; }

/* ---- names ---- */

struct name {
	const char *function, *module;	/* NULL: not known */
	uint64_t offset;		/* in the module */
};

static struct name name_of(struct stacks *s, uint64_t pc)
{
	Dwfl_Module *m = dwfl_addrmodule(s->dwfl, pc);
	Dwarf_Addr start = 0;
	struct name n = { NULL, NULL, pc };

	if (!m)
		return n;
	const char *path = dwfl_module_info(m, NULL, &start, NULL, NULL, NULL, NULL, NULL);
	const char *slash = path ? strrchr(path, '/') : NULL;
	n.module = slash ? slash + 1 : path;
	n.offset = pc - start;
	n.function = dwfl_module_addrname(m, pc);
	return n;
}

static void set_name(json_t *o, const struct name *n)
{
	json_object_set_new(o, "function", n->function ? json_text(n->function) : json_null());
	json_object_set_new(o, "module", n->module ? json_text(n->module) : json_null());
}

/* How often a function was seen, on top of the stack and at all. */
struct function {
	struct name name;
	unsigned self, in, last;	/* last: stack in which it was counted */
};

static bool same(const struct name *a, const struct name *b)
{
	if (!a->function || !b->function)
		return !a->function && !b->function && a->module == b->module && a->offset == b->offset;
	return strcmp(a->function, b->function) == 0 && a->module == b->module;
}

static void count(struct function *list, size_t *n, const struct name *name, unsigned samples, bool top, unsigned stack)
{
	size_t i = 0;

	while (i < *n && !same(&list[i].name, name))
		i++;
	if (i == FUNCTIONS_MAX)
		return;
	if (i == *n)
		list[(*n)++] = (struct function){ .name = *name };
	if (top)
		list[i].self += samples;
	if (list[i].last != stack)
		list[i].in += samples;
	list[i].last = stack;
}

static int by_samples(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->self != y->self ? (int)y->self - (int)x->self : (int)y->in - (int)x->in;
}

static json_t *view_functions(struct stacks *s)
{
	static struct function list[FUNCTIONS_MAX];
	json_t *out = json_array();
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (unsigned f = 0; f < s->list[i].frames; f++) {
			struct name name = name_of(s, s->list[i].pc[f]);
			count(list, &n, &name, s->list[i].samples, f == 0, (unsigned)i + 1);
		}
	qsort(list, n, sizeof list[0], by_samples);
	for (size_t i = 0; i < n && i < FUNCTIONS_SHOWN; i++) {
		json_t *o = json_pack("{s:i, s:i}", "self", (int)list[i].self, "in", (int)list[i].in);
		set_name(o, &list[i].name);
		json_array_append_new(out, o);
	}
	return out;
}

static json_t *view_stack(struct stacks *s, const struct stack *st)
{
	json_t *frames = json_array();

	for (unsigned f = 0; f < st->frames; f++) {
		struct name name = name_of(s, st->pc[f]);
		json_t *o = json_object();
		set_name(o, &name);
		json_object_set_new(o, "offset", json_sprintf("0x%llx", (unsigned long long)name.offset));
		json_array_append_new(frames, o);
	}
	return json_pack("{s:i, s:o}", "samples", (int)st->samples, "frames", frames);
}

static int most_samples(const void *a, const void *b)
{
	return (int)((const struct stack *)b)->samples - (int)((const struct stack *)a)->samples;
}

json_t *stacks_view(struct stacks *s)
{
	json_t *list = json_array();

	qsort(s->list, s->n, sizeof s->list[0], most_samples);
	for (size_t i = 0; i < s->n && i < STACKS_SHOWN; i++)
		json_array_append_new(list, view_stack(s, &s->list[i]));
	return json_pack("{s:i, s:i, s:o, s:o}", "samples", (int)s->samples, "different", (int)s->n,
		"functions", view_functions(s), "stacks", list);
}
