/* cli/plan.h - what a run would do and what would stop it, found out without doing it.
 *
 * Floor: cli, shared by the files cli/plan*.c alone. All of a plan lives in one arena; `struct
 * plan` borrows the workflow, the session and its evidence. Nothing here can change a cluster. */
#ifndef PEGFLOW_CLI_PLAN_H
#define PEGFLOW_CLI_PLAN_H

#include "cli/rehearsal.h"
#include "cli/session.h"

/* ---- the tree: steps in the order in which an undisturbed run starts them; of those that it does
 * at the same time, in the order of the file (plan_tree.c) */
enum { PLAN_NO_ROW = -1 };
struct plan_row {
    const struct step *step;
    int depth;
    int parent;         /* row, or PLAN_NO_ROW */
    int end;            /* the first row behind its subtree */
    bool nudge;         /* started by its wait, each time its condition is asked and is not so */
    bool rescue;        /* only after a failure: an undisturbed run leaves it out */
    const char *words;  /* what it does, in one line */
    int32_t times;      /* so often performed in the rehearsal */
    int64_t took_us;    /* ... and took, all times together */
    int64_t started_us; /* private to plan_estimate.c */
};

/* ---- a value that holds of the tree keep (plan_holds.c) */
struct plan_setting {
    const char *name;            /* NULL: the meta level */
    const struct server *server; /* whose; NULL: the leader's */
    const char *now;  /* "(unreadable)" where it could not be read */
    bool known;
    bool implied; /* no hold names it: another one needs it */
};

/* ---- what a run asks before its first change (plan_judge.c) */
struct plan_requirement {
    const struct condition *condition;
    bool always; /* and all the time from then on */
    enum answer answer;
    const char *reason;
};
/* A rule that cannot hold on this cluster, whoever is taken away. */
struct plan_cost {
    const char *table; /* NULL: the cluster freezes */
    bool accepted;
    const char *words;
};

/* ---- a rehearsal on the cluster's own shape (plan_estimate.c) */
struct plan_table {
    const char *name;
    struct sim_totals totals;
};
struct plan_estimate {
    bool made;
    const char *why_not;  /* unless made */
    bool supposes_accept; /* costs that the cluster file does not accept were accepted for it */
    const char *answered; /* what a person would have been asked, and the answers; "" nothing */
    const char *assumed;  /* values that could not be read, or NULL */
    struct rehearsal_result result;
    struct plan_table *tables; /* the last: all of them */
    size_t table_count;
};

struct plan {
    struct arena *arena;
    struct session *session;
    const struct workflow *workflow;
    const struct evidence *evidence;
    struct plan_row *rows;
    int row_count;
    struct plan_setting *settings;
    size_t setting_count;
    struct plan_requirement *requirements;
    size_t requirement_count;
    struct plan_cost *costs;
    size_t cost_count;
    int32_t taken_count;   /* replica servers that replicas are taken from, one at a time */
    bool guards_hold;      /* for each of them, or would if all costs were accepted */
    const char **refusals; /* why a run would be refused; none: it would not be */
    size_t refusal_count;
    const char **notes; /* worth knowing, stops nothing */
    size_t note_count;
    struct plan_estimate estimate;
};

/* Adds to `refusals` or `notes`; the text is copied. */
void plan_refuse(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
void plan_note(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *plan_role(enum role role); /* "replica server" */
const struct server_evidence *plan_server(const struct plan *plan, const struct server *server);
/* Does it show the version that the cluster file names? */
bool plan_at_target(const struct plan *plan, const struct server *server);

/* Reads the values now of all that the tree holds. Blocks. */
void plan_read_settings(struct plan *plan);
/* After it. */
void plan_build_rows(struct plan *plan);
/* One line for a step; `inside` are the holds around it, outermost first. */
void plan_write_words(const struct plan *plan, const struct step *step,
                      const struct step *const *inside, size_t inside_count, struct text *out);
/* Is `step` the part of a try that follows a failure? `parent` may be NULL. */
bool plan_is_rescue(const struct step *parent, const struct step *step);
/* "meta.lb.x 20 -> 100", for each value of the hold. */
void plan_write_hold(const struct plan *plan, const struct step *hold,
                     const struct step *const *inside, size_t inside_count, struct text *out);

/* What plan_judge asks of the evidence. */
void plan_add_needs(const struct workflow *workflow, const struct inventory *inventory,
                    struct needs *needs);
/* Requirements, leftovers, guards. False with `err`: a site's own condition failed. */
bool plan_judge(struct plan *plan, bool keep_leftovers, struct error *err);
/* Racks that the cluster file gives to nobody. Not for simulated servers: they are dealt racks. */
void plan_note_racks(struct plan *plan);

/* The three in their order. `arena`, `session`, `workflow` and `evidence` are there. */
bool plan_look(struct plan *plan, bool keep_leftovers, struct error *err);
/* The cluster file as if it accepted every cost; in the plan's arena. After plan_judge. */
const struct cluster_file *plan_accept_costs(const struct plan *plan);

/* Rehearses the workflow on `model`, in virtual time. Not called when a requirement is not met. */
void plan_rehearse(struct plan *plan, const struct model *model, const struct address *addresses,
                   bool keep_leftovers);
void plan_clear(struct plan *plan); /* the text in the estimate's result */

/* The exit code: 0, 3 when a run would be refused, else that of the rehearsal. */
int plan_exit_code(const struct plan *plan);
/* For a person, in lines of at most `width` columns where words can be parted; `all`: each server's
 * steps, where those of one are the same as another's. */
void plan_print(const struct plan *plan, int width, bool all, struct text *out);
/* One JSON object, one line. */
void plan_print_json(const struct plan *plan, struct text *out);

#endif
