/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the configuration: files in a folder of the test's own, and what is said about the last one read. */
#ifndef T_UNIT_CONF_FIXTURE_H
#define T_UNIT_CONF_FIXTURE_H

#include "supervisor/conf.h"

/* Three lines that are complete; what a case adds begins in line 4. */
#define LISTENER "listeners = ( { name = \"https\"; address = \"127.0.0.1\"; port = 8443; backend = \"app\"; } );\n"
#define BACKEND "backends = ( { name = \"app\"; servers = [ \"127.0.0.1:8080\" ]; } );\n"
#define CERTIFICATE "certificates = ( { directory = \"certs\"; } );\n"
#define BASE LISTENER BACKEND CERTIFICATE

/* Setup and teardown of a group, for cmocka: the folder, which may have a folder sub. */
int conf_fixture_setup(void **state);
int conf_fixture_teardown(void **state);

/* The path of a file of the folder, or of it (name "."); good until the next call but one. */
const char *in_folder(const char *name);
void write_file(const char *name, const char *text);

/* NULL if it is refused; otherwise to be freed with conf_free(). */
struct conf *read_file(const char *path);
/* The same for a text, which becomes the file t.conf. */
struct conf *read_text(const char *text);
/* The same for what must be taken without a word. */
struct conf *read_good_file(const char *path);
struct conf *read_good(const char *text);

/* How many reports there are. */
int said_n(void);
/* One of them has file, line (0: none) and all of words (with a "|" between). */
void assert_said(const char *file, int line, const char *words);
/* The text is refused with this report alone. */
void assert_refused(const char *text, int line, const char *words);

#endif
