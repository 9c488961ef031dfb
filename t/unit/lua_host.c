/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests lua/host.c, lua/ticks.c and lua/arena.c: nothing gets out of its budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/arena.h"
#include "lua/host.h"
#include "lua/ticks.h"

#define BUDGET_US 10000
#define MEMORY (1 << 20)

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int run_text(lua_State *L)
{
	const char *text = lua_touserdata(L, 1);

	host_push_script(L, text, strlen(text));
	lua_call(L, 0, 0);
	return 0;
}

static enum host_result run(struct host *h, const char *text)
{
	if (!host_is_open(h))
		assert_int_equal(host_open(h), HOST_OK);
	return host_run(h, run_text, (void *)(uintptr_t)text, BUDGET_US);
}

static int new_host(void **state)
{
	assert_int_equal(ticks_start(), 0);
	*state = host_new("t.lua", MEMORY);
	return *state ? 0 : -1;
}

static int free_host(void **state)
{
	host_free(*state);
	return 0;
}

/* ---- what ends ---- */

static void must_end(struct host *h, const char *text, enum host_result expected)
{
	int64_t start = cpu_us();
	enum host_result r = run(h, text);
	int64_t took = cpu_us() - start;

	print_message("# %6lld us, result %d, %s <- %.60s\n", (long long)took, (int)r, host_error(h), text);
	assert_int_equal(r, expected);
	assert_true(took < 6 * BUDGET_US);
	assert_int_equal(run(h, "assert(1 + 1 == 2)"), HOST_OK);
}

static void an_endless_loop_ends(void **state)
{
	must_end(*state, "while true do end", HOST_OUT_OF_BUDGET);
	must_end(*state, "repeat local x = {} until false", HOST_OUT_OF_BUDGET);
	must_end(*state, "for i = 1, math.huge do end", HOST_OUT_OF_BUDGET);
	must_end(*state, "::again:: goto again", HOST_OUT_OF_BUDGET);
	must_end(*state, "local function f() return f() end f()", HOST_OUT_OF_BUDGET);
}

static void a_loop_of_pcalls_ends(void **state)
{
	must_end(*state, "local function f() while true do end end while true do pcall(f) end", HOST_OUT_OF_BUDGET);
	must_end(*state, "local f f = function() pcall(f) return f() end f()", HOST_OUT_OF_BUDGET);
	must_end(*state, "while true do pcall(error, 'x') end", HOST_OUT_OF_BUDGET);
	must_end(*state, "while true do pcall(string.rep, 'x', 1e9) end", HOST_OUT_OF_BUDGET);
}

static void a_pathological_pattern_ends(void **state)
{
	must_end(*state, "local s = ('a'):rep(255) return s:find((('.-'):rep(6) .. 'b'))", HOST_OUT_OF_BUDGET);
	must_end(*state, "local s = ('a'):rep(255) return pcall(s.match, s, ('.*'):rep(6) .. 'b')", HOST_OUT_OF_BUDGET);
	must_end(*state, "return (('a'):rep(200000)):find('.-b')", HOST_OUT_OF_BUDGET);
	must_end(*state, "return (('a'):rep(100000)):gsub('a-b', 'c')", HOST_OUT_OF_BUDGET);
}

static void a_long_library_call_ends(void **state)
{
	must_end(*state, "table.move({}, 1, 1e9, 2)", HOST_OUT_OF_BUDGET);
	must_end(*state, "table.concat({}, '', 1, 1e9)", HOST_ERROR);
	must_end(*state, "select('#', table.unpack({}, 1, 1e6))", HOST_ERROR);
	must_end(*state, "local t = {} for i = 1, 20000 do t[i] = i end "
		"while true do table.sort(t, function(a, b) return a > b end) end", HOST_OUT_OF_BUDGET);
	must_end(*state, "local t = {} for i = 1, 15000 do t[i] = i % 7 end while true do table.sort(t) end",
		HOST_OUT_OF_BUDGET);
}

/* Time that is spent inside libc, in functions that liblua calls over and over. */
static void a_long_call_that_sits_in_libc_ends(void **state)
{
#ifdef WITH_SANITIZERS
	/* their own string functions are no leaves, so such a call runs on for long */
#else
	must_end(*state, "string.rep('', 1e9)", HOST_OUT_OF_BUDGET);
	must_end(*state, "local s, p = ('a'):rep(400000), ('a'):rep(200000) .. 'b' return s:find(p, 1, true)",
		HOST_OUT_OF_BUDGET);
	must_end(*state, "local a, b, t = ('a'):rep(200000) .. '1', ('a'):rep(200000) .. '2', {} "
		"for i = 1, 15000 do t[i] = i % 3 == 0 and a or b end table.sort(t)", HOST_OUT_OF_BUDGET);
	must_end(*state, "local s = ('a'):rep(300000) .. 'b' return s:find('(.-)%1c')", HOST_OUT_OF_BUDGET);
#endif
	must_end(*state, "local a, b = ('a'):rep(200000) .. '1', ('a'):rep(200000) .. '2' while true do local x = a < b end",
		HOST_OUT_OF_BUDGET);
	must_end(*state, "local x while true do x = ('a'):rep(100000) .. 'b' end", HOST_OUT_OF_BUDGET);
	must_end(*state, "local x while true do x = ('%99.99f'):format(1e308) end", HOST_OUT_OF_BUDGET);
	must_end(*state, "local x while true do x = tonumber(('1'):rep(200)) end", HOST_OUT_OF_BUDGET);
}

static void memory_has_an_end(void **state)
{
	must_end(*state, "return ('x'):rep(1e9)", HOST_OUT_OF_MEMORY);
	must_end(*state, "return ('x'):rep(1e9, 'y')", HOST_OUT_OF_MEMORY);
	must_end(*state, "local t = {} for i = 1, 1e9 do t[i] = i end", HOST_OUT_OF_MEMORY);
	must_end(*state, "local s = 'x' while true do s = s .. s end", HOST_OUT_OF_MEMORY);
	must_end(*state, "local t = {} while true do t = { t } end", HOST_OUT_OF_MEMORY);
	must_end(*state, "return table.concat({ ('x'):rep(400000), ('y'):rep(400000) })", HOST_OUT_OF_MEMORY);
	must_end(*state, "local function f(n) return 1 + f(n + 1) end return f(1)", HOST_OUT_OF_MEMORY);
	must_end(*state, "local s = ('x'):rep(300000) return s:gsub('x', 'yyyy')", HOST_OUT_OF_MEMORY);
	must_end(*state, "return ('x'):rep(1 << 62)", HOST_ERROR);
}

static void recursion_through_the_library_has_an_end(void **state)
{
	must_end(*state, "local function f(s) return (s:gsub('.', f)) end return f('a')", HOST_ERROR);
	must_end(*state, "local t = {} local function f(a, b) table.sort({ 1, 2, 3 }, f) return true end f()", HOST_ERROR);
}

static void every_error_in_a_loop_of_all_leaves_the_next_call_working(void **state)
{
	for (int i = 0; i < 30; i++) {
		assert_int_equal(run(*state, "while true do end"), HOST_OUT_OF_BUDGET);
		assert_int_equal(run(*state, "local s = ('a'):rep(255) s:find((('.-'):rep(6) .. 'b'))"), HOST_OUT_OF_BUDGET);
		assert_int_equal(run(*state, "return ('x'):rep(1e8)"), HOST_OUT_OF_MEMORY);
		assert_int_equal(run(*state, "error('x')"), HOST_ERROR);
	}
	assert_int_equal(run(*state, "assert(('x'):rep(1000):find('x*'))"), HOST_OK);
}

/* ---- errors ---- */

static void errors_say_file_and_line(void **state)
{
	struct host *h = *state;

	assert_int_equal(run(h, "local x\n\nreturn x.y"), HOST_ERROR);
	assert_string_equal(host_error(h), "t.lua:3: attempt to index a nil value (local 'x')");
	assert_int_equal(host_error_line(h), 3);
	assert_int_equal(run(h, "local x =\n=\n"), HOST_ERROR);
	assert_string_equal(host_error(h), "t.lua:2: unexpected symbol near '='");
	assert_int_equal(run(h, "\nerror({})"), HOST_ERROR);
	assert_string_equal(host_error(h), "t.lua:2: the error is a table, not a text");
	assert_int_equal(run(h, "\n\nerror('plain', 0)"), HOST_ERROR);
	assert_string_equal(host_error(h), "t.lua:3: plain");
	assert_int_equal(run(h, "error()"), HOST_ERROR);
	assert_int_equal(run(h, "\n\nwhile true do\nend"), HOST_OUT_OF_BUDGET);
	assert_string_equal(host_error(h), "t.lua:3: has used its 10000 us");
}

/* The process that watches reads it while the call runs; here it is what the last look has left. */
static void a_long_call_is_located_and_goes_on(void **state)
{
	static const char text[] = "local n = tonumber('%d')\nlocal x = 0\nfor i = 1, n do\n x = x + i %% 7\nend\n";
	struct host *h = *state;
	uint32_t where = 0;
	char script[128];
	int64_t took = 0;

	host_set_where(h, &where);
	assert_int_equal(host_open(h), HOST_OK);
	for (int n = 100000; took < 3 * (int64_t)TICKS_LOOK_NS / 1000; n *= 2) {
		snprintf(script, sizeof script, text, n);
		int64_t start = cpu_us();
		assert_int_equal(host_run(h, run_text, script, 60000000), HOST_OK);
		took = cpu_us() - start;
	}
	assert_in_range(where, 3, 5);
	assert_int_equal(run(h, "while true do pcall(error) end"), HOST_OUT_OF_BUDGET);
}

static void only_text_is_loaded(void **state)
{
	assert_int_equal(run(*state, "\x1bLua"), HOST_ERROR);
	assert_non_null(strstr(host_error(*state), "attempt to load a binary chunk"));
}

/* ---- the sandbox ---- */

static void what_is_not_offered_is_not_there(void **state)
{
	static const char *const names[] = {
		"io", "os", "debug", "package", "require", "load", "loadstring", "loadfile", "dofile", "coroutine",
		"collectgarbage", "setmetatable", "getmetatable", "print", "warn", "xpcall", "rawset", "_G", "_VERSION",
		"string.dump", "tlsward",
	};
	char text[100];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(text, sizeof text, "assert(%s == nil)", names[i]);
		assert_int_equal(run(*state, text), HOST_OK);
	}
}

static void what_is_offered_works(void **state)
{
	static const char *const lines[] = {
		"assert(select('#', 1, 2) == 2)", "for k, v in pairs({ 1 }) do assert(v == 1) end",
		"for i, v in ipairs({ 1 }) do assert(v == 1) end", "assert(next({}) == nil)",
		"assert(not pcall(error, 'x'))", "assert(tonumber('12') == 12)", "assert(tostring(12) == '12')",
		"assert(type(nil) == 'nil')", "assert(rawequal(1, 1) and rawlen({}) == 0 and rawget({}, 1) == nil)",
		"assert(math.floor(1.5) == 1)", "assert(('x'):upper() == 'X')",
		"assert(table.concat({ 1, 2 }, ',') == '1,2')", "assert(utf8.char(65) == 'A')",
	};

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(run(*state, lines[i]), HOST_OK);
}

static void globals_cannot_be_set(void **state)
{
	assert_int_equal(run(*state, "\nx = 1"), HOST_ERROR);
	assert_string_equal(host_error(*state), "t.lua:2: global 'x' cannot be set: use local");
	assert_int_equal(run(*state, "string = {}"), HOST_ERROR);
	assert_int_equal(run(*state, "function f() end"), HOST_ERROR);
	assert_int_equal(run(*state, "_ENV.x = 1"), HOST_ERROR);
	assert_int_equal(run(*state, "assert(x == nil)"), HOST_OK);
}

/* ---- the arena ---- */

#define BLOCKS 300

static void blocks_keep_what_is_written_to_them(void **state)
{
	struct arena *a = arena_new(MEMORY);
	unsigned char *blocks[BLOCKS] = { 0 };
	size_t sizes[BLOCKS] = { 0 }, before = arena_used(a);

	(void)state;
	srandom(7);
	for (int i = 0; i < 200000; i++) {
		int n = (int)(random() % BLOCKS);
		size_t size = random() % 3 == 0 ? 0 : (size_t)random() % (random() % 8 == 0 ? 20000 : 300);
		for (size_t j = 0; j < sizes[n]; j++)
			assert_int_equal(blocks[n][j], (unsigned char)n);
		unsigned char *p = arena_alloc(a, blocks[n], sizes[n], size);
		if (!p && size > 0)
			continue;
		blocks[n] = p;
		sizes[n] = size;
		if (size > 0)
			memset(p, n, size);
		assert_int_equal((uintptr_t)p % 8, 0);
	}
	for (int n = 0; n < BLOCKS; n++)
		arena_alloc(a, blocks[n], sizes[n], 0);
	assert_int_equal(arena_used(a), before);
	void *all = arena_alloc(a, NULL, 0, MEMORY - 8192);
	assert_non_null(all);	/* what was given back has grown together again */
	arena_free(a);
}

static void the_arena_is_the_cap(void **state)
{
	struct arena *a = arena_new(ARENA_MIN);

	(void)state;
	assert_null(arena_alloc(a, NULL, 0, ARENA_MIN));
	assert_null(arena_alloc(a, NULL, 0, SIZE_MAX));
	assert_null(arena_alloc(a, NULL, 0, SIZE_MAX - 4));
	void *p = arena_alloc(a, NULL, 0, ARENA_MIN / 2);
	assert_non_null(p);
	assert_null(arena_alloc(a, p, ARENA_MIN / 2, SIZE_MAX / 2));
	assert_null(arena_alloc(a, NULL, 0, ARENA_MIN / 2));
	arena_free(a);
	assert_null(arena_new(100));
	assert_null(arena_new(SIZE_MAX));
	assert_null(host_new("t.lua", 100));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endless_loop_ends),
		cmocka_unit_test(a_loop_of_pcalls_ends),
		cmocka_unit_test(a_pathological_pattern_ends),
		cmocka_unit_test(a_long_library_call_ends),
		cmocka_unit_test(a_long_call_that_sits_in_libc_ends),
		cmocka_unit_test(memory_has_an_end),
		cmocka_unit_test(recursion_through_the_library_has_an_end),
		cmocka_unit_test(every_error_in_a_loop_of_all_leaves_the_next_call_working),
		cmocka_unit_test(errors_say_file_and_line),
		cmocka_unit_test(a_long_call_is_located_and_goes_on),
		cmocka_unit_test(only_text_is_loaded),
		cmocka_unit_test(what_is_not_offered_is_not_there),
		cmocka_unit_test(what_is_offered_works),
		cmocka_unit_test(globals_cannot_be_set),
		cmocka_unit_test(blocks_keep_what_is_written_to_them),
		cmocka_unit_test(the_arena_is_the_cap),
	};
	return cmocka_run_group_tests_name("lua_host", tests, new_host, free_host);
}
