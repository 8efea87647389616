"""One run of a production: Luigi tasks, session, decisions, progress; cancel, remake, clean."""
