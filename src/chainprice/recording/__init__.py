"""A sweep on its way to where its rows go: standard output, or a file that an interrupted run continues."""

from chainprice.recording.campaign import Campaign, carry_out

__all__ = ["Campaign", "carry_out"]
