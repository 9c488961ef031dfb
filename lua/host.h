/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Lua state for one script, in a sandbox: which functions it has, how much
 * memory, how much CPU time a call may take. Everything that touches the state
 * runs inside host_run(), so no error of Lua ever gets past it.
 */
#ifndef LUA_HOST_H
#define LUA_HOST_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Running a whole script at load may take this many times the budget of a call. */
#define HOST_LOAD_BUDGETS 10
#define HOST_ERROR_BYTES 256

enum host_result { HOST_OK, HOST_ERROR, HOST_OUT_OF_BUDGET, HOST_OUT_OF_MEMORY };

struct host;

/*
 * For the script that errors call `file` (its base name). There is no state
 * yet. memory: bytes, see ARENA_MIN; NULL with errno set if there is no
 * room, or EINVAL.
 */
struct host *host_new(const char *file, size_t memory);
void host_free(struct host *h);

/* Makes a fresh state with the sandbox's functions; what was is thrown away. */
enum host_result host_open(struct host *h);
bool host_is_open(const struct host *h);
/* Throws the state away. */
void host_close(struct host *h);

/*
 * Calls body with a state whose stack holds data (a light userdata) alone,
 * for at most budget_us of CPU time. After HOST_OUT_OF_BUDGET and
 * HOST_OUT_OF_MEMORY the state is gone and has to be opened and loaded again.
 * body may be left at any call into Lua: it must own nothing then.
 */
enum host_result host_run(struct host *h, lua_CFunction body, void *data, uint32_t budget_us);

/* Of the last result that was not HOST_OK, until the next run: "file:12: what" and the line, 0 if unknown. */
const char *host_error(const struct host *h);
int host_error_line(const struct host *h);

/* Gets the line of a long call, now and then, while it runs; NULL: nobody does. */
void host_set_where(struct host *h, uint32_t *where);

/* For a body: the line that an error has which is raised while no function of the script runs. */
void host_set_line(struct host *h, int line);
/* For a body: pushes the script's compiled text, or raises an error. Text only, no bytecode. */
void host_push_script(lua_State *L, const char *text, size_t size);
/* For a body: the table of globals that the script can read and not set. */
void host_push_globals(lua_State *L);

#endif
