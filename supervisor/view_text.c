/* SPDX-License-Identifier: BSD-2-Clause */
/* The small pieces of JSON: strings from anybody, numbers, members. */
#include "common/json_text.h"
#include "supervisor/view.h"

json_t *view_text(const char *text)
{
	return json_text(text);
}

json_t *view_u64(uint64_t v)
{
	return json_integer((json_int_t)(v & INT64_MAX));
}

void view_set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}
