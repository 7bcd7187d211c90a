"""Results as text: one row builder feeds every format. Nothing here computes."""
