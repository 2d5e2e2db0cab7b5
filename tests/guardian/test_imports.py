from __future__ import annotations

import subprocess
import sys


def test_importing_the_guardian_imports_neither_torch_nor_the_server() -> None:
    heavy = {"torch", "server", "transformers", "sklearn"}
    code = f"import sys, guardian; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
