"""Networks of continuous depth, in parts: input networks, vector fields, depth, solver, losses along depth."""
