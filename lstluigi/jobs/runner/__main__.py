"""What a job starts, by the path of this folder: nothing of lstluigi need be installed there."""

import importlib
import os
import sys

if __name__ == "__main__":
    folder = os.path.dirname(os.path.abspath(__file__))
    package = os.path.basename(folder)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != folder]
    sys.path.insert(0, os.path.dirname(folder))
    main = importlib.import_module(f"{package}.chunk").main
    # Neither this package nor its neighbours are for commands to import; all is loaded by now.
    del sys.path[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    sys.exit(main())
