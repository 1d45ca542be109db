#include "base/log.h"

#include "base/duration.h"

#include <string.h>

bool log_open(struct log *log, const char *level, int fd, struct error *err)
{
    static const char *const names[] = {[LOG_OFF] = "", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(level == NULL ? "" : level, names[i]) == 0) {
            log->level = (enum log_level)i;
            output_init(&log->output, fd);
            return true;
        }
    }
    error_set(err, ERROR_USAGE, "log level '%s' is none; write info or debug", level);
    return false;
}

void log_close(struct log *log)
{
    output_clear(&log->output);
    *log = (struct log){0};
}

void log_write(struct log *log, enum log_level level, int64_t at_us, const char *format, ...)
{
    if (log == NULL || level > log->level) {
        return;
    }
    struct text line = {0};
    va_list args;
    text_printf(&line, "log %6lld.%03lld  ", (long long)(at_us / US_PER_SECOND),
                (long long)(at_us % US_PER_SECOND / US_PER_MS));
    va_start(args, format);
    text_append_va(&line, format, args);
    va_end(args);
    text_append_char(&line, '\n');
    output_line(&log->output, line.bytes, line.length);
    text_clear(&line);
}
