"""Compares a plan with a rehearsal: plan_steps.py PLAN.json REHEARSAL.jsonl

The steps of both must be the same, in the same order; what only follows a failure is left out. A
nudge is planned once and performed as often as its condition needs: each performed one is planned,
below its wait. Prints "same" or the difference."""

import json
import sys


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    with open(sys.argv[2]) as file:
        events = [json.loads(line) for line in file]
    performed = [e["step"] for e in events if e["event"] == "step_started" and e.get("step")]
    nudges = {s["step"] for s in plan["steps"] if s.get("nudge")}
    planned = [s["step"] for s in plan["steps"] if not s.get("rescue")]
    plain = [s for s in planned if s not in nudges]
    done = [s for s in performed if s not in nudges]
    if plain != done:
        for number, (a, b) in enumerate(zip(plain + ["(end)"], done + ["(end)"])):
            if a != b:
                return f"step {number + 1}: planned {a}, performed {b}"
        return "one is longer"
    waits = {n: planned[i - 1] for i, n in enumerate(planned) if n in nudges}
    current = None
    for step in performed:
        if step in nudges and waits[step] != current:
            return f"nudge {step} after {current}"
        current = current if step in nudges else step
    times = {}
    for step in performed:
        times[step] = times.get(step, 0) + 1
    for step in plan["steps"]:
        if step["times"] != times.get(step["step"], 0):
            return f"{step['step']}: {step['times']} times in the plan, {times.get(step['step'], 0)} performed"
    took = plan["estimate"]["duration_ms"]
    if took != events[-1]["duration_ms"]:
        return f"estimate {took} ms, rehearsed {events[-1]['duration_ms']} ms"
    return "same"


print(main())
