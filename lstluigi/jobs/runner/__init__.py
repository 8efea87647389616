"""Run one chunk of items inside a job: commands in a scratch directory, check, publish.

Called as ``python .../runner SPEC.json [INDEX] [--die-with-parent[=PID]]`` with the python of the
job's environment (3.8 or later). Needs the standard library, and pytables or astropy only for the
checks that read HDF5 or FITS files.

Three kinds of processes, so that one bad file takes nobody along:

* the parent (`chunk`) reads the spec, keeps the result file and imports nothing heavy;
* a worker (`workers`) does the first item and, in a warm chunk, stays as the ready-made image of a
  process that has imported and compiled everything;
* a child of the worker, forked from that image, does each of the other items.

Whoever does an item (`items`) writes its outcome into a pipe to the parent; the worker adds the
resources used. An item without an outcome has crashed, and its wait status says how. A worker whose
own item fails is replaced, because a failure may leave open files and half-made state behind.
What items name under ``loads`` (models) stays in the worker's memory once joblib has loaded it, so
its children find it there. An item that memory does not suffice for then is done again without.
Commands run inside the process where they are Python, so their global state is put back between
items, and random generators get a seed for each product (`randomness`). Generators that a module
makes at import are the one thing the items of a warm chunk share.
"""
