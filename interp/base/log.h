/* base/log.h - what the program does underneath, for the one who looks for a fault.
 *
 * Floor: base. Off unless asked for; what an operator must know goes out as events instead. A line
 * has the time since the start and never holds up the program (base/output.h). */
#ifndef PEGFLOW_BASE_LOG_H
#define PEGFLOW_BASE_LOG_H

#include "base/error.h"
#include "base/output.h"

#include <stdint.h>

enum log_level {
    LOG_OFF,
    LOG_INFO,  /* what changed: a connection lost, another leader found */
    LOG_DEBUG, /* every connection made, every call sent and answered */
};

struct log {
    enum log_level level;
    struct output output;
};

/* `level`: "info", "debug", or NULL or "" for off. ERROR_USAGE for another word. */
bool log_open(struct log *log, const char *level, int fd, struct error *err);
void log_close(struct log *log); /* fine for a zeroed one */

/* NULL or a level beyond the log's own: nothing happens. */
void log_write(struct log *log, enum log_level level, int64_t at_us, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
