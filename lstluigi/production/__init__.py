"""A production as it is read: steps, graph, plan, states, inventory of files; status/."""
