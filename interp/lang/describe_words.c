/* The rows of conditions, policies and kinds of params. */
#include "lang/descriptors.h"

#define ROWS(array) .fields = array, .field_count = sizeof array / sizeof array[0]

static const struct field parts_fields[] = {
    {"conditions", FIELD_CONDITIONS, REQUIRED | REST, NULL, "asked in this order",
     offsetof(struct condition, parts), .count_offset = offsetof(struct condition, part_count)},
};

static const struct field survives_loss_of_fields[] = {
    {"servers", FIELD_INTEGER64, REQUIRED | FIRST, NULL, "how many servers may be lost",
     offsetof(struct condition, number), .min = 1, .max = 1000},
};

#define PARAM_AT(member) .offset = offsetof(struct param, member)
#define PARAM_DOC                                                                                  \
    {                                                                                              \
        "doc", FIELD_TEXT, REQUIRED | SECOND, NULL, "what it is for", PARAM_AT(doc)                \
    }

static const struct field duration_fields[] = {
    {"default", FIELD_DURATION, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(integer)},
    PARAM_DOC,
    {"min", FIELD_DURATION, 0, NULL, "no less than this", PARAM_AT(min)},
    {"max", FIELD_DURATION, 0, NULL, "no more than this", PARAM_AT(max)},
};
static const struct field integer_fields[] = {
    {"default", FIELD_INTEGER64, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(integer)},
    PARAM_DOC,
    {"min", FIELD_INTEGER64, 0, NULL, "no less than this", PARAM_AT(min)},
    {"max", FIELD_INTEGER64, 0, NULL, "no more than this", PARAM_AT(max)},
};
static const struct field number_fields[] = {
    {"default", FIELD_NUMBER, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(number)},
    PARAM_DOC,
};
static const struct field boolean_fields[] = {
    {"default", FIELD_BOOLEAN, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(boolean)},
    PARAM_DOC,
};
static const struct field text_fields[] = {
    {"default", FIELD_TEXT, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(text)},
    PARAM_DOC,
};
static const struct field choice_fields[] = {
    {"default", FIELD_TEXT, REQUIRED | FIRST, NULL, "the value if nobody gives another",
     PARAM_AT(text)},
    PARAM_DOC,
    {"of", FIELD_TEXTS, REQUIRED, NULL, "the words to choose from", PARAM_AT(of),
     offsetof(struct param, of_count)},
};

const struct descriptor word_descriptors[] = {
    {"no_primaries", GROUP_CONDITION, FORM_SERVER_ONLY, COND_NO_PRIMARIES,
     .doc = "no partition has its primary on the server", .example = "no_primaries(node)"},
    {"no_secondaries", GROUP_CONDITION, FORM_SERVER_ONLY, COND_NO_SECONDARIES,
     .doc = "no partition has a secondary on the server", .example = "no_secondaries(node)"},
    {"replicas_closed", GROUP_CONDITION, FORM_SERVER_ONLY, COND_REPLICAS_CLOSED,
     .doc = "the server itself says that it has let go of every replica that left it",
     .example = "replicas_closed(node)"},
    {"is_alive", GROUP_CONDITION, FORM_SERVER_ONLY, COND_IS_ALIVE,
     .doc = "the server answers by itself, and the meta server lists it as alive",
     .example = "is_alive(node)"},
    {"has_restarted", GROUP_CONDITION, FORM_SERVER_ONLY, COND_HAS_RESTARTED,
     .doc = "its start time is another than before its deploy step",
     .example = "has_restarted(node)"},
    {"runs_target_version", GROUP_CONDITION, FORM_SERVER_ONLY, COND_RUNS_TARGET_VERSION,
     .doc = "it serves the cluster file's target version, where one is given",
     .example = "runs_target_version(node)"},
    {"cluster_is_healthy", GROUP_CONDITION, FORM_NOTHING, COND_CLUSTER_IS_HEALTHY,
     .doc = "every partition of every table has all its replicas, on servers that answer",
     .example = "cluster_is_healthy()"},
    {"all_servers_alive", GROUP_CONDITION, FORM_NOTHING, COND_ALL_SERVERS_ALIVE,
     .doc = "every replica and meta server is alive and answers", .example = "all_servers_alive()"},
    {"all_of", GROUP_CONDITION, FORM_TABLE, COND_ALL_OF, false, ROWS(parts_fields),
     "each of them holds", "all_of { is_alive(node), has_restarted(node) }"},
    {"any_of", GROUP_CONDITION, FORM_TABLE, COND_ANY_OF, false, ROWS(parts_fields),
     "at least one of them holds", "any_of { no_primaries(node), not_(is_alive(node)) }"},
    {"not_", GROUP_CONDITION, FORM_CONDITION_ONLY, COND_NOT,
     .doc = "it does not hold; unknown stays unknown", .example = "not_(is_alive(node))"},
    {"condition", GROUP_CONDITION, FORM_FUNCTION, COND_LUA,
     .doc = "a site's own: function(snapshot) returns true, false or nil (unknown), and a reason",
     .example = "condition \"few servers\" (function(snapshot) return #snapshot.nodes < 100, "
                "\"there are \" .. #snapshot.nodes end)"},
    {"survives_loss_of", GROUP_CONDITION, FORM_VALUE, COND_SURVIVES_LOSS_OF, false,
     ROWS(survives_loss_of_fields),
     "every partition stays writable, and the cluster does not freeze, whichever servers of that "
     "number are lost",
     "survives_loss_of(1)"},
    {"no_leftovers", GROUP_CONDITION, FORM_NOTHING, COND_NO_LEFTOVERS,
     .doc = "no setting looks as if another tool had left it behind", .example = "no_leftovers()"},
    {"as_listed", GROUP_POLICY, FORM_NOTHING, POLICY_AS_LISTED,
     .doc = "order: as the servers are listed", .example = "order = as_listed()"},
    {"standbys_first", GROUP_POLICY, FORM_NOTHING, POLICY_STANDBYS_FIRST,
     .doc = "order of metas: the one that leads is the last, looked up anew each time",
     .example = "order = standbys_first()"},
    {"fewest_primaries", GROUP_POLICY, FORM_NOTHING, POLICY_FEWEST_PRIMARIES,
     .doc = "targets: the secondary whose server has the fewest primaries",
     .example = "targets = fewest_primaries()"},
    {"random", GROUP_POLICY, FORM_NOTHING, POLICY_RANDOM, .doc = "targets: any secondary",
     .example = "targets = random()"},
    {"duration", GROUP_PARAM, FORM_TABLE, PARAM_DURATION, false, ROWS(duration_fields),
     "a time with its unit; knows *, + and comparison",
     "duration { \"10m\", \"how long replicas may take to leave\" }"},
    {"integer", GROUP_PARAM, FORM_TABLE, PARAM_INTEGER, false, ROWS(integer_fields),
     "a whole number", "integer { 100, \"partitions at once\", min = 1 }"},
    {"number", GROUP_PARAM, FORM_TABLE, PARAM_NUMBER, false, ROWS(number_fields), "a number",
     "number { 0.5, \"share of servers\" }"},
    {"boolean", GROUP_PARAM, FORM_TABLE, PARAM_BOOLEAN, false, ROWS(boolean_fields),
     "true or false", "boolean { true, \"restart the collectors too\" }"},
    {"text", GROUP_PARAM, FORM_TABLE, PARAM_TEXT, false, ROWS(text_fields), "any text",
     "text { \"upgrade.sh\", \"the script on each host\" }"},
    {"choice", GROUP_PARAM, FORM_TABLE, PARAM_CHOICE, false, ROWS(choice_fields),
     "one of some words", "choice { \"guide\", \"which pace\", of = { \"guide\", \"swift\" } }"},
};
const size_t word_descriptor_count = sizeof word_descriptors / sizeof word_descriptors[0];
