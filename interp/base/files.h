/* base/files.h - whole files and folders, such that they are there after a power cut.
 *
 * Floor: base. Blocks. Errors name the path. */
#ifndef PEGFLOW_BASE_FILES_H
#define PEGFLOW_BASE_FILES_H

#include "base/error.h"
#include "base/text.h"

/* Makes a folder and those above it, mode 0700, and syncs the folders they were made in. One that
 * is there already is fine. */
bool files_make_folder(const char *path, struct error *err);
/* Syncs a folder: a file made or renamed in it is found there afterwards. */
bool files_sync_folder(const char *path, struct error *err);
/* The same for the folder that holds `path`. */
bool files_sync_folder_of(const char *path, struct error *err);
/* Reads a whole regular file of at most `limit_bytes` (ERROR_LIMIT beyond); `out` is reset first. A
 * file that is not there: ERROR_SYSTEM and `missing` (may be NULL) true. */
bool files_read(const char *path, size_t limit_bytes, struct text *out, bool *missing,
                struct error *err);
/* Makes the file hold exactly these bytes: under another name first, synced, then renamed, and the
 * folder synced. */
bool files_write(const char *path, const void *bytes, size_t length, struct error *err);
/* All of it, in spite of signals. errno where false. */
bool files_write_all(int fd, const void *bytes, size_t length);

#endif
