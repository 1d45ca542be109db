/* cli/model_writer.h - a model as the file that `--model` reads.
 *
 * Floor: cli. */
#ifndef PEGFLOW_CLI_MODEL_WRITER_H
#define PEGFLOW_CLI_MODEL_WRITER_H

#include "base/text.h"
#include "pegasus/inventory.h"
#include "sim/model.h"

/* Appends it: what differs from the release's defaults, and each table with its placement. A
 * comment says which server of `names` (may be NULL) each r1, r2 ... stands for. */
void model_writer_compose(const struct model *model, const struct inventory *names,
                          struct text *out);

#endif
