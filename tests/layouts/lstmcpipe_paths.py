"""What lstmcpipe's config classes generate for another root, as JSON; run by its python.

Usage: lstmcpipe_paths.py ROOT JSON, where JSON is {class: arguments}.
"""

import json
import sys
import types
import warnings
from pathlib import Path

import lstmcpipe.config

root, asked = sys.argv[1], json.loads(sys.argv[2])
warnings.simplefilter("ignore")
file = Path(lstmcpipe.config.__file__).with_name("paths_config.py")
module = types.ModuleType("lstmcpipe.config.paths_config")
module.__package__ = "lstmcpipe.config"
exec(compile(file.read_text().replace("/fefs/aswg/data", root), str(file), "exec"), vars(module))
made = {name: getattr(module, name)(*given).generate() for name, given in asked.items()}
print(json.dumps(made))
