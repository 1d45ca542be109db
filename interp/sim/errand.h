/* sim/errand.h - one thing under way between the client and the simulated world, in its time.
 *
 * Floor: sim, private to sim_driver.c, sim_transport.c and sim_deployment.c. An errand takes steps,
 * each after a delay; none after its deadline. It ends once: by the step that ends it, by its
 * deadline, by cancel, or by drop. */
#ifndef PEGFLOW_SIM_ERRAND_H
#define PEGFLOW_SIM_ERRAND_H

#include "live/transport.h"
#include "sim/sim_world.h"

#include <sys/queue.h>

struct sim_driver {
    struct sim *sim;
    struct loop *loop;
    struct timer timer;
    int64_t began_us; /* the loop's time at which the simulation's was 0 */
};
/* Brings the simulation to the loop's present. */
void sim_driver_catch_up(struct sim_driver *driver);
/* How long from now until that time of the simulation. */
int64_t sim_driver_until(const struct sim_driver *driver, int64_t sim_us);

struct errand;
typedef void errand_step_fn(struct errand *errand);
/* Tells the owner of the errand and frees it. `err` NULL: it ended well. `tell` false: dropped,
 * only free. */
typedef void errand_end_fn(struct errand *errand, const struct error *err, bool tell);
/* Appends what it is, for messages: few errands need the words. */
typedef void errand_describe_fn(const struct errand *errand, struct text *out);

TAILQ_HEAD(errand_list, errand);
struct errand {
    struct operation operation; /* first */
    struct sim_driver *driver;
    struct errand_list *list;
    TAILQ_ENTRY(errand) link;
    struct timer timer;
    errand_step_fn *step;
    errand_end_fn *end;
    errand_describe_fn *describe;
    int64_t timeout_us;
    int64_t deadline_us;
    struct error *failure; /* on its way to the owner */
};

/* `errand` is zeroed, the first part of a larger struct. */
void errand_start(struct errand *errand, struct sim_driver *driver, struct errand_list *list,
                  int64_t timeout_us, errand_end_fn *end, errand_describe_fn *describe);
void errand_wait(struct errand *errand, int64_t delay_us, errand_step_fn *step); /* then a step */
void errand_wait_for_ever(struct errand *errand); /* until its deadline */
void errand_end(struct errand *errand);           /* well, now */
void errand_fail(struct errand *errand, enum error_code code, const char *what); /* now */
void errands_drop(struct errand_list *list);

#endif
