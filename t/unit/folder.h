/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of a test's own. */
#ifndef UNIT_FOLDER_H
#define UNIT_FOLDER_H

/* The files in it, but for those whose names begin with a dot: how many they are; and their end. */
int folder_files(const char *path);
void folder_empty(const char *path);

#endif
