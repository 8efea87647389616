"""What a job starts, by the path of this folder: nothing of lstluigi need be installed there."""

import importlib
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    # The modules of this folder and its neighbours are not for the commands to import.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    sys.path.insert(0, os.path.dirname(FOLDER))
    main = importlib.import_module(os.path.basename(FOLDER) + ".chunk").main
    del sys.path[0]
    sys.exit(main())
