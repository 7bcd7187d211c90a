"""Make the README's outputs, the golden files and what is shipped anew: `python tests/refresh.py`; read the diff."""

import contract
import known_shapes
import outputs

if __name__ == "__main__":
    known_shapes.refresh()
    outputs.refresh()
    contract.refresh()
