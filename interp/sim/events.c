#include "sim/events.h"

#include "base/text.h"

#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

void events_clear(struct event_queue *queue)
{
    free(queue->heap);
    *queue = (struct event_queue){0};
}

void events_add(struct event_queue *queue, struct event event)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 1024 : queue->capacity * 2;
        queue->heap = memory_resize(queue->heap, queue->capacity * sizeof *queue->heap);
    }
    event.sequence = queue->next_sequence++;
    size_t hole = queue->count++;
    while (hole > 0) {
        size_t parent = (hole - 1) / 2;
        if (!is_before(&event, &queue->heap[parent])) {
            break;
        }
        queue->heap[hole] = queue->heap[parent];
        hole = parent;
    }
    queue->heap[hole] = event;
}

bool events_take(struct event_queue *queue, int64_t until_us, struct event *out)
{
    if (queue->count == 0 || queue->heap[0].at_us > until_us) {
        return false;
    }
    *out = queue->heap[0];
    struct event last = queue->heap[--queue->count];
    size_t hole = 0;
    for (;;) {
        size_t child = hole * 2 + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (!is_before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[hole] = queue->heap[child];
        hole = child;
    }
    queue->heap[hole] = last;
    return true;
}

int64_t events_next_us(const struct event_queue *queue)
{
    return queue->count == 0 ? INT64_MAX : queue->heap[0].at_us;
}
