"""Make the README's outputs and the golden files anew: `python tests/refresh.py`, then read the diff."""

import outputs

if __name__ == "__main__":
    outputs.refresh()
