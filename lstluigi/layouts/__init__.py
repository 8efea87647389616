"""Where LST Monte-Carlo data lie: pointing nodes, layouts of the all-sky and prod5 trees."""
