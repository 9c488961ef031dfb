/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said on the way of a reload: to the log at once, and at its end to who asked. */
#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"
#include "supervisor/conf_table.h"
#include "supervisor/reload_inside.h"
#include "supervisor/view.h"

#define ERRORS_MAX 200		/* that are told one by one */

static void __attribute__((format(printf, 3, 0))) note(json_t *list, enum log_level level, const char *format, va_list ap)
{
	char text[MSG_TEXT_MAX + 2 * MSG_PATH_MAX];

	vsnprintf(text, sizeof text, format, ap);
	log_msg(level, "%s", text);
	if (json_array_size(list) < ERRORS_MAX)
		json_array_append_new(list, view_text(text));
}

void reload_error(struct reload *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(r->errors, LOG_LEVEL_ERROR, format, ap);
	va_end(ap);
	r->errors_n++;
}

void reload_warning(struct reload *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(r->warnings, LOG_LEVEL_WARNING, format, ap);
	va_end(ap);
}

void reload_error_at(struct reload *r, const char *path, const char *format, ...)
{
	const struct conf_where *at = &r->conf->lines[conf_table_find(CONF_ROOT, path) - conf_table];
	char text[MSG_TEXT_MAX + MSG_PATH_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (at->file)
		reload_error(r, "%s:%u: %s: %s", at->file, at->line, path, text);
	else
		reload_error(r, "%s: %s: %s", r->s->conf_path, path, text);
}
