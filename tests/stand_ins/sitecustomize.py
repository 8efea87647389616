"""Read by every python whose PYTHONPATH names this directory: see fake_lstchain."""

import fake_lstchain

fake_lstchain.install()
