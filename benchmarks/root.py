"""Imported first by every benchmark: the checkout on the path, and one thread, so that a figure is that of one core."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
